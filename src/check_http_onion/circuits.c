// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/circuits.h"

struct circuits_plan circuits_plan(const struct circuit_view *views, size_t count, size_t limit,
                                   uint64_t hedge_us, uint64_t now_us)
{
    struct circuits_plan plan = {.look_us = UINT64_MAX};
    size_t running = 0, doubtful = 0; /* doubtful: failed, or silent for too long */
    for (size_t i = 0; i < count; i++) {
        const struct circuit_view *v = &views[i];
        if (v->fate == CIRCUIT_ANSWERED || v->fate == CIRCUIT_SETTLED)
            return (struct circuits_plan){.over = true, .look_us = UINT64_MAX};
        running += v->fate == CIRCUIT_RUNNING;
        uint64_t silent_us = now_us > v->heard_us ? now_us - v->heard_us : 0;
        if (v->fate == CIRCUIT_FAILED || silent_us >= hedge_us)
            doubtful++;
        else if (v->heard_us + hedge_us < plan.look_us)
            plan.look_us = v->heard_us + hedge_us;
    }
    if (count < limit && count == doubtful)
        plan.start = count ? limit - count : 1;
    plan.over = !running && !plan.start;
    if (count + plan.start >= limit)
        plan.look_us = UINT64_MAX;
    return plan;
}
