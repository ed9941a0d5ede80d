/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A thread that reads what others replace under RCU (liburcu qsbr) counts as a reader while it works, and
 * must not while it waits, or nothing would ever be freed. These two are for loop_on_wait(); `context` is not
 * looked at. The thread is registered with rcu_register_thread(). */
#ifndef BASE_READER_H
#define BASE_READER_H

void reader_before_wait(void *context);
void reader_after_wait(void *context);

#endif
