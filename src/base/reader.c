/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/reader.h"

#include <urcu-qsbr.h>

void reader_before_wait(void *context)
{
    (void)context;
    rcu_thread_offline();
}

void reader_after_wait(void *context)
{
    (void)context;
    rcu_thread_online();
}
