/* Half-opens whose time is over: asked once more, forgotten, or reset. [RFC 9293 3.8.3, MUST-23; RFC 4987 3.2]
 *
 * Retries are few, a recorded deviation from MUST-23's three minutes: a half-open costs its sender one packet, so every
 * second that it may stay is a gift to whoever forges SYNs.
 */
#include "gate/reaper.h"

#include "base/time.h"
#include "gate/syn_ack.h"

static void describe(const struct gate *gate, uint32_t slot, struct reaper_task *task)
{
    task->flow = gate_flow(gate, slot);
    task->hash = gate_hash_of(gate, slot);
    task->to = syn_cache_at(&gate->cache, slot)->back;
}

static void resend(struct gate *gate, uint32_t slot, struct reaper_task *task, int64_t now_us)
{
    struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    const struct gate_listener *listener = &gate->listeners[half_open->listener];

    half_open->sent++;
    syn_ack_describe_half_open(&gate->config, half_open, task->hash, &task->seg, now_us);
    wheel_set(&gate->cache.wheel, slot,
              now_us + ms_to_us(syn_ack_interval_ms(listener, half_open)));
    count_one(gate->config.stats, syn_ack_resent);
}

/* A half-open made in calm times meets pressure: no second SYN-ACK, and only what remains of its shorter time. true: it goes
 * on. [R4987-02] */
static bool hurry(struct gate *gate, uint32_t slot, int64_t now_us)
{
    struct half_open *half_open = syn_cache_at(&gate->cache, slot);
    const struct gate_listener *listener = &gate->listeners[half_open->listener];
    uint32_t waited_ms;

    if ((half_open->flags & HALF_OPEN_HURRIED) || !gate_is_hurried(listener))
        return false;
    waited_ms = syn_ack_interval_ms(listener, half_open);
    half_open->flags |= HALF_OPEN_HURRIED;
    if (syn_ack_interval_ms(listener, half_open) <= waited_ms)
        return false;
    wheel_set(&gate->cache.wheel, slot,
              now_us + ms_to_us(syn_ack_interval_ms(listener, half_open) - waited_ms));
    return true;
}

enum reaper_task_kind reaper_tick(struct gate *gate, struct reaper_task *task, int64_t now_us)
{
    struct half_open *half_open;
    struct gate_listener *listener;
    uint32_t slot;

    do {
        slot = wheel_expire(&gate->cache.wheel, now_us);
        if (slot == SLOT_NONE)
            return REAPER_DONE;
    } while (hurry(gate, slot, now_us));
    half_open = syn_cache_at(&gate->cache, slot);
    listener = &gate->listeners[half_open->listener];
    describe(gate, slot, task);
    if (syn_ack_is_repeated(listener, half_open)) {
        resend(gate, slot, task, now_us);
        return REAPER_RESEND;
    }
    count_one(gate->config.stats, syn_cache_timeout);
    syn_ack_describe_reset(half_open, &task->seg);
    gate_forget(gate, slot, task->hash);
    return listener->reset_on_timeout ? REAPER_RESET : REAPER_FORGET;
}

enum reaper_task_kind reaper_listener_closed(struct gate *gate, uint32_t number,
                                             struct reaper_task *task)
{
    struct gate_listener *listener = &gate->listeners[number];
    uint32_t slot = listener->half_opens.first;

    if (slot == SLOT_NONE) {
        listener->open = false;
        return REAPER_DONE;
    }
    describe(gate, slot, task);
    syn_ack_describe_reset(syn_cache_at(&gate->cache, slot), &task->seg);
    gate_forget(gate, slot, task->hash);
    count_one(gate->config.stats, syn_cache_listener_closed);
    return REAPER_RESET;
}
