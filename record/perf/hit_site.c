/* See hit_site.h. */
#include "perf/hit_site.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

#if defined(__x86_64__)

#define WALK_BYTES (32u << 10) /* as large as a first-level cache */
#define LINE       64

/* Twins: the second one is never probed. */
void hit_site_probed(void);
void hit_site_bare(void);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl hit_site_probed\n"
        ".hidden hit_site_probed\n"
        ".type hit_site_probed, @function\n"
        "hit_site_probed:\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  pop %rbp\n"
        "  ret\n"
        ".size hit_site_probed, . - hit_site_probed\n"
        ".p2align 4\n"
        ".globl hit_site_bare\n"
        ".hidden hit_site_bare\n"
        ".type hit_site_bare, @function\n"
        "hit_site_bare:\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  pop %rbp\n"
        "  ret\n"
        ".size hit_site_bare, . - hit_site_bare\n");

static const volatile uint8_t walked[WALK_BYTES] = {1};

static void walk(const volatile uint8_t *memory, uint64_t size)
{
    for (uint64_t i = 0; i < size; i += LINE)
        (void)memory[i];
}

void hit_site_calls(unsigned count, bool probed)
{
    void (*site)(void) = probed ? hit_site_probed : hit_site_bare;
    for (unsigned i = 0; i < count; i++) {
        site();
        walk(walked, WALK_BYTES);
    }
}

/* The frames of a call chain. Not a tail call: the result is used after the call. */
__attribute__((noinline)) uint64_t hit_site_batch(unsigned frames, unsigned count)
{
    uint64_t taken;
    if (frames > 1) {
        taken = hit_site_batch(frames - 1, count);
        __asm__ volatile("" : "+r"(taken));
        return taken;
    }
    uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    hit_site_calls(count, true);
    return clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* By a clock that needs no system call, and read once before, so that it is not cold itself. */
uint64_t hit_site_cold(const uint8_t *memory, uint64_t size)
{
    uint64_t taken[HIT_SITE_COLD_CALLS];
    for (unsigned i = 0; i < HIT_SITE_COLD_CALLS; i++) {
        walk(memory, size);
        clock_ns(CLOCK_MONOTONIC);
        uint64_t start = clock_ns(CLOCK_MONOTONIC);
        hit_site_probed();
        taken[i] = clock_ns(CLOCK_MONOTONIC) - start;
    }
    qsort(taken, HIT_SITE_COLD_CALLS, sizeof *taken, by_value);
    return taken[HIT_SITE_COLD_CALLS / 2];
}

int hit_site_offset(uint64_t *out, struct error *err)
{
    uint64_t address = (uint64_t)(uintptr_t)hit_site_probed, from, to, offset;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    bool found = false;
    if (!maps)
        return error_sys(err, "cannot read /proc/self/maps");
    while (!found && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &from, &to, &offset) == 3)
            found = from <= address && address < to;
    }
    fclose(maps);
    if (!found)
        return error_set(err, ERR_NOT_FOUND, "/proc/self/maps does not show our own code");
    *out = address - from + offset;
    return 0;
}

#else

int hit_site_offset(uint64_t *out, struct error *err)
{
    (void)out;
    return error_set(err, ERR_UNSUPPORTED, "not measured on this architecture");
}

void hit_site_calls(unsigned count, bool probed)
{
    (void)count;
    (void)probed;
}

uint64_t hit_site_batch(unsigned frames, unsigned count)
{
    (void)frames;
    (void)count;
    return 0;
}

uint64_t hit_site_cold(const uint8_t *memory, uint64_t size)
{
    (void)memory;
    (void)size;
    return 0;
}

#endif
