/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name server for tests: one thread, one UDP socket on loopback, every zone. It answers A with 192.0.2.N,
 * where N counts the questions that it got for A, so that a new answer can be told from an old one; other
 * types with no data. */
#ifndef TESTS_RESOLVE_AUTHORITY_H
#define TESTS_RESOLVE_AUTHORITY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "resolve/resolver.h"

enum authority_mode {
    AUTHORITY_ANSWERS,
    AUTHORITY_SILENT, /* says nothing */
    AUTHORITY_HOLDS,  /* keeps what it gets, and answers when the mode is ANSWERS again */
    AUTHORITY_REFUSES
};

enum { AUTHORITY_HELD_MAX = 64 };

struct authority {
    _Atomic int mode;
    _Atomic uint32_t ttl_s;
    _Atomic unsigned asked; /* questions for A so far */
    _Atomic bool stop;
    int fd;
    struct endpoint endpoint;
    pthread_t thread;
};

void authority_start(struct authority *authority, uint32_t ttl_s);
void authority_end(struct authority *authority);

#endif
