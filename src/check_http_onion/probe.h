/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Observing: asks a target, on as many circuits as it needs, and beside it what tells a sick Tor from a dead
 * service. Stores facts; judges nothing, prints nothing. */
#ifndef CHECK_PROBE_H
#define CHECK_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "check_http_onion/address.h"
#include "check_http_onion/control.h"
#include "check_http_onion/http.h"
#include "check_http_onion/leg.h"
#include "check_http_onion/options.h"
#include "check_http_onion/request.h"
#include "check_http_onion/target.h"

enum try_end {
    TRY_RUNNING,      /* at the end of an observation: silent to the deadline */
    TRY_ANSWERED,     /* a whole answer */
    TRY_NO_PROXY,     /* nobody listens at --socks: leg_error */
    TRY_PROXY_CLOSED, /* the proxy closed or broke in the handshake: leg_error */
    TRY_PROXY_NO,     /* it refused: reply */
    TRY_PROXY_AUTH,   /* it wants another authentication, or refused ours */
    TRY_NOT_SOCKS,    /* it does not speak SOCKS5 */
    TRY_HTTP          /* connected, and then answer.end says what failed */
};

struct try_facts {
    enum try_end end;
    bool by_socks; /* through the proxy, not straight to the server */
    uint8_t reply; /* TRY_PROXY_NO */
    bool granted;  /* the proxy had made the connection */
    int leg_error;
    double began_s; /* since the check began */
    double ready_s; /* from its beginning to the connection, or the proxy's reply; 0: none came */
    struct http_answer answer;
};

/* A known-good onion (--reference), or the probe of the port's kind: only the SOCKS part. */
enum side_end { SIDE_UNASKED, SIDE_RUNNING, SIDE_REPLIED /* reply */, SIDE_FAILED };
struct side_facts {
    enum side_end end;
    uint8_t reply;
};

struct observation {
    struct target target;
    struct http_request request;
    bool onion;              /* the connection goes to an onion service */
    enum onion_kind address; /* of an onion: its judgement; not ONION_V3 means that nothing was sent */
    size_t address_letters;
    struct try_facts tries[CIRCUITS_MAX];
    size_t try_count;
    int chosen; /* the first answered try; -1: none */
    bool timed_out;
    int proxy_error;   /* the proxy's own name could not be resolved; 0 otherwise */
    int machine_error; /* memory or libcurl failed us; 0 otherwise */
    struct control_facts control;
    struct side_facts references[REFERENCES_MAX];
    size_t reference_count;
    struct side_facts port_kind; /* reply of a SocksPort to an address with a wrong checksum: F6 from one with
                                  * ExtendedErrors, something else from a plain one */
};

/* Times of a whole check, shared by its observations (redirects). */
struct probe_clock {
    uint64_t began_us, deadline_us; /* monotonic; deadline UINT64_MAX: none */
};

/* Observes `target` until it is answered, all has failed, or the deadline. `out` is overwritten. */
void probe_run(struct arena *arena, const struct options *options, const struct target *target,
               const struct probe_clock *clock, struct observation *out);

/* How many circuits failed; one that was only slower than the good one did not. */
size_t circuits_failed(const struct observation *observation);

/* Frees the answers' buffers. */
void observation_fini(struct observation *observation);

#endif
