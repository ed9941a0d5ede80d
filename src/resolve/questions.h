/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions that one resolver thread has under way, and who waits for each. */
#ifndef RESOLVE_QUESTIONS_H
#define RESOLVE_QUESTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "net/loop.h"
#include "resolve/limits.h"
#include "resolve/resolver.h"

struct resolver_thread;

struct question {
    struct question *next; /* in its bucket */
    struct resolver_thread *thread;
    struct recursor *recursor; /* which context was asked */
    uint8_t source;            /* its number */
    struct limits_place place;
    struct loop_timer timer;         /* the first asker's deadline */
    struct resolver_ask *first_ask;  /* in order of arrival, which is that of their deadlines */
    struct resolver_ask **last_link; /* where the next one is hung */
    unsigned ask_count;
    uint64_t asked_ms; /* when libunbound was asked */
    uint64_t hash;
    uint16_t qtype;
    uint8_t name_length;
    uint8_t name[]; /* lower case */
};

struct questions;

/* For about `expected` questions. NULL: memory. */
struct questions *questions_new(unsigned expected);
/* With every question left; their asks must have been taken. */
void questions_free(struct questions *questions);

struct question *questions_find(const struct questions *questions, const struct resolver_ask *ask);

/* A question as `ask` puts it, with nobody waiting yet. NULL: memory. */
struct question *questions_add(struct questions *questions, const struct resolver_ask *ask);
void questions_remove(struct questions *questions, struct question *question);

/* Any one, or NULL. */
struct question *questions_any(const struct questions *questions);

void question_join(struct question *question, struct resolver_ask *ask);

/* Takes the first asker away, or returns NULL. */
struct resolver_ask *question_take(struct question *question);

#endif
