/*
 * The program that the tests of record/perf probe: it calls probed() as often as it is told on standard
 * input, answers each command with "ok", and says first where probed() lies in its file. Built without
 * sanitizers and optimisation, so that probed() begins with `push %rbp` and its arguments are in registers.
 *
 *   hit N        N calls on the thread that reads commands
 *   threads T N  T new threads, N calls each, joined
 *   worker       a thread that stays; `work N` has it call N times
 *   fork N       a child process, N calls there, waited for
 *   sleep N      N sleeps of 2 ms on the thread that reads commands
 *   name X       renames the thread that reads commands
 *   leave        the first thread exits, another goes on reading commands
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t sink;
static sem_t work_ready, work_done;
static unsigned long work_count;

__attribute__((noinline)) void probed(uint64_t value, const uint64_t *array, int32_t negative, uint8_t small);

void probed(uint64_t value, const uint64_t *array, int32_t negative, uint8_t small)
{
    sink += value + array[0] + (uint64_t)negative + small;
}

static void hit(unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        const uint64_t array[4] = {i, i + 1, i + 2, UINT64_MAX};
        probed(i, array, -5, 200);
    }
}

static void *hit_thread(void *count)
{
    hit((unsigned long)(uintptr_t)count);
    return NULL;
}

static void *worker(void *unused)
{
    (void)unused;
    for (;;) {
        sem_wait(&work_ready);
        hit(work_count);
        sem_post(&work_done);
    }
    return NULL;
}

static void run_threads(unsigned count, unsigned long hits)
{
    pthread_t threads[64];
    for (unsigned i = 0; i < count && i < 64; i++) {
        if (pthread_create(&threads[i], NULL, hit_thread, (void *)(uintptr_t)hits) != 0)
            exit(1);
    }
    for (unsigned i = 0; i < count && i < 64; i++)
        pthread_join(threads[i], NULL);
}

static void *command_loop(void *unused)
{
    (void)unused;
    char line[128], name[16];
    while (fgets(line, sizeof line, stdin)) {
        unsigned threads;
        unsigned long count;
        pthread_t thread;
        long id = syscall(SYS_gettid);
        if (sscanf(line, "hit %lu", &count) == 1) {
            hit(count);
        } else if (sscanf(line, "threads %u %lu", &threads, &count) == 2) {
            run_threads(threads, count);
        } else if (strcmp(line, "worker\n") == 0) {
            if (pthread_create(&thread, NULL, worker, NULL) != 0)
                exit(1);
        } else if (sscanf(line, "work %lu", &work_count) == 1) {
            sem_post(&work_ready);
            sem_wait(&work_done);
        } else if (sscanf(line, "fork %lu", &count) == 1) {
            pid_t child = fork();
            if (child == 0) {
                hit(count);
                _exit(0);
            }
            waitpid(child, NULL, 0);
        } else if (sscanf(line, "sleep %lu", &count) == 1) {
            for (unsigned long i = 0; i < count; i++)
                usleep(2000);
        } else if (sscanf(line, "name %15s", name) == 1) {
            prctl(PR_SET_NAME, name);
        } else if (strcmp(line, "leave\n") == 0) {
            if (pthread_create(&thread, NULL, command_loop, NULL) != 0)
                exit(1);
            pthread_exit(NULL);
        } else {
            exit(2);
        }
        printf("ok %ld\n", id);
        fflush(stdout);
    }
    exit(0);
}

static uint64_t file_offset(uint64_t address)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    uint64_t found = 0;
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long long start, end, offset;
        if (sscanf(line, "%llx-%llx %*s %llx", &start, &end, &offset) == 3 && address >= start &&
            address < end)
            found = address - start + offset;
    }
    if (maps)
        fclose(maps);
    return found;
}

int main(void)
{
    const uint8_t *code = (const uint8_t *)(uintptr_t)probed;
    uint64_t address = (uint64_t)(uintptr_t)code;
    sem_init(&work_ready, 0, 0);
    sem_init(&work_done, 0, 0);
    printf("site %llu %llu %u\n", (unsigned long long)file_offset(address), (unsigned long long)address,
           code[0]);
    fflush(stdout);
    command_loop(NULL);
    return 0;
}
