/* TIME-WAIT without a connection. [RFC 9293 3.10.7.4; RFC 1337; RFC 6191; RFC 7323 5]
 *
 * Who gains what: a forged RST would end the quiet time and let old segments into a new connection, so a RST is ignored
 * [RFC 1337]. But a peer (or another host behind the same translator) that reuses the port too early would be met by our ACK
 * alone, answer it with a RST, and be stuck until 2 MSL are over: so the one RST that our own challenge to a SYN provoked,
 * exactly at RCV.NXT and within three seconds, releases the record. An attacker must guess RCV.NXT for that, as for any
 * other connection. ACKs are throttled, so two TIME-WAIT ends cannot be set against each other.
 */
#include "stack/time_wait.h"

#include "base/bytes.h"
#include "base/must.h"
#include "cookie/syn_cookie.h"
#include "crypto/siphash.h"
#include "crypto/wipe.h"

static struct time_wait_record *record_at(const struct time_waits *waits, uint32_t slot)
{
    return pool_at(&waits->pool, slot);
}

static struct list_links links_of(const struct time_waits *waits)
{
    return list_links_in(&waits->pool, offsetof(struct time_wait_record, by_age));
}

static struct flow flow_of(const struct time_waits *waits, const struct time_wait_record *record)
{
    return (struct flow){record->remote, waits->route->ours[record->local].address,
                         record->remote_port, record->local_port};
}

/* A peer can leave thousands of guards of one flow, opening it again and again: each is filed under its ISS as well, as a table
 * is made for what chance puts into a bucket. The flow's hash is the key: what he sees of it does not let him choose a bucket. */
static uint64_t guard_hash(uint64_t hash, seq iss)
{
    return siphash_8((struct siphash_key){hash, ~hash}, iss.value);
}

static uint64_t hash_of_slot(const void *context, uint32_t slot)
{
    const struct time_waits *waits = context;
    const struct time_wait_record *record = record_at(waits, slot);
    struct flow flow = flow_of(waits, record);
    uint64_t hash = waits->hash_of(waits->hash_context, &flow);

    return record->guard ? guard_hash(hash, record->snd_nxt) : hash;
}

void time_wait_init(struct time_waits *waits, struct arena *arena,
                    const struct time_wait_setup *setup)
{
    *waits = (struct time_waits){
        .route = setup->route,
        .stats = setup->stats,
        .hash_of = setup->hash_of,
        .hash_context = setup->hash_context,
        .lasts_ms = 2 * setup->msl_ms,
        .timestamps = setup->timestamps,
    };
    pool_init(&waits->pool, arena, sizeof(struct time_wait_record), setup->capacity);
    table_init(&waits->table, arena, setup->capacity, hash_of_slot, waits);
    list_init(&waits->by_age);
    list_init(&waits->guards);
}

static struct list *list_of(struct time_waits *waits, const struct time_wait_record *record)
{
    return record->guard ? &waits->guards : &waits->by_age;
}

static void take_out(struct time_waits *waits, uint32_t slot)
{
    uint32_t seal = record_at(waits, slot)->seal;

    if (seal) {
        wipe(pool_at(&waits->pool, seal - 1), sizeof(struct time_wait_seal));
        pool_give(&waits->pool, seal - 1);
    }
    table_remove(&waits->table, hash_of_slot(waits, slot), slot);
    list_remove(list_of(waits, record_at(waits, slot)), links_of(waits), slot);
    pool_give(&waits->pool, slot);
}

/* 2 MSL from now: the end of the list, as all last equally long. [RFC 9293 X-15] */
static void restart(struct time_waits *waits, uint32_t slot, int64_t now_us)
{
    record_at(waits, slot)->ends_at_ms = time_ms(now_us) + waits->lasts_ms;
    list_remove(&waits->by_age, links_of(waits), slot);
    list_append(&waits->by_age, links_of(waits), slot);
}

/* A free record, if need be the oldest of the longer list; SLOT_NONE if there are none at all. */
static uint32_t take_slot(struct time_waits *waits)
{
    const struct list *longer =
        waits->guards.count > waits->by_age.count ? &waits->guards : &waits->by_age;

    if (waits->pool.count == waits->pool.capacity) {
        if (longer->count == 0)
            return SLOT_NONE;
        count_one(waits->stats, time_wait_evicted);
        take_out(waits, longer->first);
    }
    return pool_take(&waits->pool, NULL);
}

/* Files a record whose fields are set. */
static void file(struct time_waits *waits, uint64_t hash, uint32_t slot)
{
    struct time_wait_record *record = record_at(waits, slot);

    list_link_init(&record->by_age);
    list_append(list_of(waits, record), links_of(waits), slot);
    table_insert(&waits->table, hash, slot);
}

/* [RFC 9293 MUST-13] */
void time_wait_insert(struct time_waits *waits, uint64_t hash, const struct flow *flow,
                      const struct tcp_remains *remains, int64_t now_us)
{
    uint8_t local = route_our_index(waits->route, &flow->local);
    uint32_t slot = take_slot(waits);

    must(local != ROUTE_NOT_OURS);
    if (slot == SLOT_NONE)
        return;
    *record_at(waits, slot) = (struct time_wait_record){
        .remote = flow->remote,
        .remote_port = flow->remote_port,
        .local_port = flow->local_port,
        .snd_nxt = remains->snd_nxt,
        .rcv_nxt = remains->rcv_nxt,
        .ts_recent = remains->ts_recent,
        .ts_offset = remains->ts_offset,
        .ends_at_ms = time_ms(now_us) + waits->lasts_ms,
        .window = (uint16_t)min_u32(remains->rcv_wnd >> remains->rcv_wind_shift, UINT16_MAX),
        .local = local,
        .timestamps = remains->timestamps,
        .shift = (uint8_t)(remains->rcv_wind_shift & 15u),
    };
    file(waits, hash, slot);
    count_one(waits->stats, time_waits);
}

void time_wait_seal(struct time_waits *waits, uint64_t hash, const struct flow *flow,
                    const struct auth_terms *terms)
{
    uint32_t record = time_wait_find(waits, hash, flow), seal;

    if (record == SLOT_NONE)
        return;
    seal = take_slot(waits);
    if (time_wait_find(waits, hash, flow) == SLOT_NONE) { /* it was the oldest itself */
        pool_give(&waits->pool, seal);
        return;
    }
    must(seal != SLOT_NONE);
    *(struct time_wait_seal *)pool_at(&waits->pool, seal) =
        (struct time_wait_seal){.terms = *terms};
    record_at(waits, record)->seal = (seal + 1) & 0x7ffffff;
}

struct auth_terms *time_wait_terms(const struct time_waits *waits, uint32_t slot)
{
    uint32_t seal = record_at(waits, slot)->seal;

    return seal ? &((struct time_wait_seal *)pool_at(&waits->pool, seal - 1))->terms : NULL;
}

void time_wait_guard(struct time_waits *waits, uint64_t hash, const struct flow *flow, seq iss,
                     int64_t now_us)
{
    uint32_t slot = take_slot(waits);

    if (slot == SLOT_NONE)
        return;
    *record_at(waits, slot) = (struct time_wait_record){
        .remote = flow->remote,
        .remote_port = flow->remote_port,
        .local_port = flow->local_port,
        .snd_nxt = iss,
        .ends_at_ms = time_ms(now_us) + COOKIE_LIFE_MS,
        .local = route_our_index(waits->route, &flow->local),
        .guard = 1,
    };
    file(waits, guard_hash(hash, iss), slot);
}

static bool is_of(const struct time_waits *waits, const struct time_wait_record *record,
                  const struct flow *flow)
{
    return record->remote_port == flow->remote_port && record->local_port == flow->local_port &&
           address_equal(&record->remote, &flow->remote) &&
           address_equal(&waits->route->ours[record->local].address, &flow->local);
}

uint32_t time_wait_find(const struct time_waits *waits, uint64_t hash, const struct flow *flow)
{
    struct table_cursor cursor;

    if (waits->by_age.count == 0)
        return SLOT_NONE;
    cursor = table_find(&waits->table, hash);
    for (uint32_t slot; (slot = table_next(&waits->table, &cursor)) != SLOT_NONE;) {
        const struct time_wait_record *record = record_at(waits, slot);

        if (!record->guard && is_of(waits, record, flow))
            return slot;
    }
    return SLOT_NONE;
}

bool time_wait_is_replay(const struct time_waits *waits, uint64_t hash, const struct flow *flow,
                         seq iss)
{
    struct table_cursor cursor;

    if (waits->guards.count == 0)
        return false;
    cursor = table_find(&waits->table, guard_hash(hash, iss));
    for (uint32_t slot; (slot = table_next(&waits->table, &cursor)) != SLOT_NONE;) {
        const struct time_wait_record *record = record_at(waits, slot);

        if (record->guard && seq_eq(record->snd_nxt, iss) && is_of(waits, record, flow))
            return true;
    }
    return false;
}

/* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, as it was always said. */
static void describe_ack(const struct time_wait_record *record, struct segment *answer,
                         int64_t now_us)
{
    *answer = (struct segment){
        .seq = record->snd_nxt,
        .ack = record->rcv_nxt,
        .window = record->window,
        .flags = TCP_ACK,
        .source_port = record->local_port,
        .destination_port = record->remote_port,
    };
    if (record->timestamps) {
        answer->options.present = TCP_OPTION_TIMESTAMPS;
        answer->options.ts_value = time_ms(now_us) + record->ts_offset;
        answer->options.ts_echo = record->ts_recent;
    }
}

static enum time_wait_verdict answer_throttled(struct time_waits *waits,
                                               struct time_wait_record *record,
                                               struct segment *answer, int64_t now_us)
{
    uint32_t now_ms = time_ms(now_us);

    if (record->acked && now_ms - record->acked_at_ms < TIME_WAIT_THROTTLE_MS) {
        count_one(waits->stats, challenge_throttled);
        return TIME_WAIT_SILENT;
    }
    record->acked = 1;
    record->acked_at_ms = now_ms;
    describe_ack(record, answer, now_us);
    return TIME_WAIT_ANSWER;
}

/* [R1337-01] */
static enum time_wait_verdict on_rst(struct time_waits *waits, uint32_t slot,
                                     const struct segment *seg, int64_t now_us)
{
    const struct time_wait_record *record = record_at(waits, slot);

    if (record->challenged &&
        time_ms(now_us) - record->challenged_at_ms <= TIME_WAIT_CHALLENGE_MS &&
        seq_eq(seg->seq, record->rcv_nxt)) {
        count_one(waits->stats, time_wait_released);
        take_out(waits, slot);
        return TIME_WAIT_OVER;
    }
    count_one(waits->stats, time_wait_rst_ignored);
    return TIME_WAIT_SILENT;
}

/* May a SYN open the next incarnation? RCV.NXT is one past the last sequence number seen. [RFC 6191 2]
 * [R6191-01, R6191-03, R6191-05, R6191-06] */
static bool syn_is_newer(const struct time_waits *waits, const struct time_wait_record *record,
                         const struct segment *seg)
{
    bool stamped = waits->timestamps && (seg->options.present & TCP_OPTION_TIMESTAMPS);
    bool seq_is_higher = seq_geq(seg->seq, record->rcv_nxt);

    if (!record->timestamps)
        return stamped || seq_is_higher;
    if (!stamped || seg->options.ts_value == record->ts_recent)
        return seq_is_higher;
    return (int32_t)(seg->options.ts_value - record->ts_recent) > 0;
}

static enum time_wait_verdict on_syn(struct time_waits *waits, struct time_wait_record *record,
                                     const struct segment *seg, struct segment *answer,
                                     int64_t now_us)
{
    enum time_wait_verdict verdict;

    if (!(seg->flags & TCP_ACK) && syn_is_newer(waits, record, seg))
        return TIME_WAIT_NEW;
    count_one(waits->stats, syn_challenged);
    verdict = answer_throttled(waits, record, answer, now_us);
    if (verdict == TIME_WAIT_ANSWER && !(seg->flags & TCP_ACK)) {
        record->challenged = 1;
        record->challenged_at_ms = time_ms(now_us);
    }
    return verdict;
}

/* The peer's FIN once more: it ends just before RCV.NXT. [RFC 9293 3.10.7.4, eighth] */
static bool is_fin_again(const struct time_wait_record *record, const struct segment *seg)
{
    return (seg->flags & TCP_FIN) &&
           seq_eq(seq_add(seg->seq, segment_length(seg)), record->rcv_nxt);
}

static bool is_old_by_timestamp(const struct time_wait_record *record, const struct segment *seg)
{
    return record->timestamps && (seg->options.present & TCP_OPTION_TIMESTAMPS) &&
           (int32_t)(seg->options.ts_value - record->ts_recent) < 0;
}

/* The peer agrees, or did when it sent this: nothing to say. What it sent later than its FIN, or acknowledges of what we never
 * sent, is answered. */
static bool is_plain_ack(const struct time_wait_record *record, const struct segment *seg)
{
    return segment_length(seg) == 0 && seq_eq(seg->seq, record->rcv_nxt) &&
           seq_leq(seg->ack, record->snd_nxt);
}

/* [R1337-02] */
enum time_wait_verdict time_wait_segment_arrives(struct time_waits *waits, uint32_t slot,
                                                 const struct segment *seg, struct segment *answer,
                                                 int64_t now_us)
{
    struct time_wait_record *record = record_at(waits, slot);

    count_one(waits->stats, time_wait_segments);
    if (seg->flags & TCP_RST)
        return on_rst(waits, slot, seg, now_us);
    if (seg->flags & TCP_SYN)
        return on_syn(waits, record, seg, answer, now_us);
    if (!(seg->flags & TCP_ACK))
        return TIME_WAIT_SILENT;
    if (is_fin_again(record, seg)) {
        /* An old duplicate by its timestamp is answered too, but keeps nothing alive. [RFC 7323 5.3 R1] */
        if (!is_old_by_timestamp(record, seg))
            restart(waits, slot, now_us);
        return answer_throttled(waits, record, answer, now_us);
    }
    if (is_plain_ack(record, seg))
        return TIME_WAIT_SILENT;
    return answer_throttled(waits, record, answer, now_us);
}

seq time_wait_snd_nxt(const struct time_waits *waits, uint32_t slot)
{
    return record_at(waits, slot)->snd_nxt;
}

void time_wait_end(struct time_waits *waits, uint32_t slot)
{
    count_one(waits->stats, time_wait_reused);
    take_out(waits, slot);
}

/* Milliseconds wrap after 49 days; the distance does not. More than there can ever be is left of what ended long ago: the
 * machine slept. (Twice as much, as the instant at which deadlines are asked for may be of before the last call.) */
static uint32_t left_ms(const struct time_waits *waits, const struct list *list, int64_t now_us)
{
    uint32_t left = record_at(waits, list->first)->ends_at_ms - time_ms(now_us);

    return left <= 2 * max_u32(waits->lasts_ms, COOKIE_LIFE_MS) ? left : 0;
}

static int64_t end_of_first(const struct time_waits *waits, const struct list *list, int64_t now_us)
{
    uint32_t into_ms = (uint32_t)now_us - time_ms(now_us) * US_PER_MS; /* of the one that runs */

    if (list->count == 0)
        return NEVER_US;
    return now_us - into_ms + ms_to_us(left_ms(waits, list, now_us));
}

int64_t time_wait_deadline(const struct time_waits *waits, int64_t now_us)
{
    return time_min(end_of_first(waits, &waits->by_age, now_us),
                    end_of_first(waits, &waits->guards, now_us));
}

void time_wait_tick(struct time_waits *waits, int64_t now_us)
{
    while (waits->by_age.count && left_ms(waits, &waits->by_age, now_us) == 0)
        take_out(waits, waits->by_age.first);
    while (waits->guards.count && left_ms(waits, &waits->guards, now_us) == 0)
        take_out(waits, waits->guards.first);
}
