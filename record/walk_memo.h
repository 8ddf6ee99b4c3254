/*
 * Walks over the stacks of sleeping threads, as they were done before: a program sleeps at few places, and how far apart the
 * return addresses of a stack lie follows from the addresses alone. When those of a stack are the remembered ones, at the
 * remembered places, the walk would end the same way, and is spared. Nothing is taken on trust: each of them is compared.
 */
#ifndef GOTAPE_RECORD_WALK_MEMO_H
#define GOTAPE_RECORD_WALK_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALK_FRAMES_MAX 32
#define WALK_SETS_BITS  6
#define WALK_WAYS       4 /* walks from one place */

#define WALK_NUMBER_KNOWN (-1)

struct walk {
    uint64_t key;    /* where it begins, and what else it depends on; 0: none */
    uint32_t length; /* frames */
    int32_t
        number_at; /* bytes from the stack pointer to the number of the system call; or WALK_NUMBER_KNOWN: it is `syscall` */
    uint32_t syscall;
    uint8_t activity;
    bool is_cut; /* the piece did not reach the return address of the last frame */
    uint16_t at
        [WALK_FRAMES_MAX]; /* bytes from the stack pointer to the return address of each frame; of the last one if is_cut */
    uint64_t chain[WALK_FRAMES_MAX]; /* chain[i + 1] stands at at[i] */
};

struct walk_memo {
    struct walk walks[1 << WALK_SETS_BITS][WALK_WAYS];
    uint8_t oldest[1 << WALK_SETS_BITS]; /* the way that is given up next */
};

/* The walk over this piece of a stack, which begins at the stack pointer; NULL: not known. */
const struct walk *walk_memo_find(const struct walk_memo *self, uint64_t key, const uint8_t *stack,
                                  size_t size);
/* Where the next walk with this key is to be put. */
struct walk *walk_memo_place(struct walk_memo *self, uint64_t key);

#endif
