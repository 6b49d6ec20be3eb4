/* What the parts of a relay's life share: relay.c (slots, turns, timeouts, the end), relay_accept.c, relay_connect.c and
 * relay_view.c. */
#ifndef HF_GUARD_RELAY_LIFE_H
#define HF_GUARD_RELAY_LIFE_H

#include "guard/relay.h"
#include "guard/relay_pump.h"

static inline struct list_links relay_run_links(const struct relays *relays)
{
    return (struct list_links){(uint8_t *)relays->slots + offsetof(struct relay, run_link),
                               sizeof(struct relay)};
}

static inline uint32_t relay_slot(const struct relay *relay)
{
    return (uint32_t)(relay - relay->relays->slots);
}

/* ---- relay.c ---- */

/* A slot for a client of this service; there is one. Its timers begin. */
struct relay *relay_take(struct relays *relays, struct service *service, hf_socket client,
                         int64_t now_us);

/* Its turn comes. One that waits is woken by time. */
void relay_wake(struct relay *relay);

/* Takes it off the list of those that run or wait. */
void relay_rest(struct relay *relay);

/* Puts it into another state; the time of connect_timeout or idle_timeout begins anew. */
void relay_enter(struct relay *relay, enum relay_state state, int64_t now_us);

/* Lets go of the backend, in order or with a RST. */
void relay_leave_backend(struct relay *relay, bool reset);

void relay_end(struct relay *relay, enum relay_end how, int64_t now_us);

/* A client is gone or not while its backend is not there yet; its bytes wait in the stack. */
bool relay_client_lost(const struct relay *relay);

/* ---- relay_accept.c ---- */

/* From every listener that may have somebody. */
void relay_accept_all(struct relays *relays, int64_t now_us);

/* Everybody who waits at one service, as far as there is room. */
void relay_accept_waiting(struct relays *relays, struct service *service, int64_t now_us);

/* ---- relay_connect.c ---- */

/* Begins with the next backend in turn, or ends the relay. */
void relay_connect(struct relay *relay, int64_t now_us);

/* A turn of one that connects. */
void relay_connecting(struct relay *relay, int64_t now_us);

/* The attempt has failed (`number`: errno, ETIMEDOUT for silence): another backend, or the end as `how`. */
void relay_attempt_failed(struct relay *relay, enum relay_end how, int number, int64_t now_us);

/* Somebody waits, or a want keeps others from being accepted: at retry_at_us it is asked again. */
bool relay_retry_is_wanted(const struct relays *relays);

/* All that wait try again, and others are accepted again. */
void relay_retry_all(struct relays *relays, int64_t now_us);

/* Whether another backend may still take over from the one that has reset an open relay: neither a byte nor an end of stream
 * has come from it, and it was given none. */
bool relay_may_move(const struct relay *relay, int64_t now_us);

#endif
