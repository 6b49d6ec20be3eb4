/* Text that arrived ahead of its turn. [RFC 9293 3.10.7.4 seventh, SHLD-31; RFC 2018]
 *
 * Bytes are written at once to where they will lie when the gap closes: the receive queue's chunks are cut by position, so
 * a chunk ahead of the queue is simply one that the queue has not reached. One more chunk holds the record: which ranges
 * are there (a few, sorted), and which chunk holds each 2 KB ahead. So a connection without loss holds none of this, the
 * cost of a segment does not grow with their number, and an attacker who sends single bytes in the worst order gets
 * BLOCKS_MAX ranges and one chunk for each, lent and first to be reclaimed, then is ignored.
 */
#include "tcp/reassembly.h"

#include "base/bytes.h"
#include "base/must.h"

#define BLOCKS_MAX 32u
#define AHEAD_MAX 400u /* chunks behind the one that the queue ends in: 800 KB */

struct block {
    seq left, right;
    uint32_t stamp; /* larger: touched later */
};

struct record {
    uint32_t prev, next;  /* other records of the stack, oldest first: chunks          */
    int64_t owner_offset; /* from struct tcp to the TCB: memory holds no pointers      */
    uint32_t stamp;
    uint32_t blocks;
    seq fin_at; /* the peer's FIN, if has_fin */
    bool has_fin;
    uint32_t first_ahead; /* ring index of the chunk behind the one the queue ends in */
    struct block block[BLOCKS_MAX];
    uint32_t ahead[AHEAD_MAX];
};

_Static_assert(sizeof(struct record) <= CHUNK_BYTES, "a record is one chunk");

static struct record *record_of(const struct tcp *tcp, uint32_t chunk)
{
    return (struct record *)(void *)chunk_data(&tcp->chunks, chunk);
}

static struct tcb *owner_of(struct tcp *tcp, const struct record *record)
{
    return (struct tcb *)(void *)((uint8_t *)tcp + record->owner_offset);
}

static uint32_t *ahead_at(struct record *record, uint32_t index)
{
    return &record->ahead[(record->first_ahead + index) % AHEAD_MAX];
}

static void unlink_record(struct tcp *tcp, const struct record *record)
{
    if (record->prev == SLOT_NONE)
        tcp->ooo_first = record->next;
    else
        record_of(tcp, record->prev)->next = record->next;
    if (record->next == SLOT_NONE)
        tcp->ooo_last = record->prev;
    else
        record_of(tcp, record->next)->prev = record->prev;
}

static struct record *open_record(struct tcp *tcp, struct tcb *tcb)
{
    uint32_t chunk = chunk_take(&tcp->chunks, &tcb->rcv_held);
    struct record *record;

    if (chunk == SLOT_NONE)
        return NULL;
    record = record_of(tcp, chunk);
    record->prev = tcp->ooo_last;
    record->next = SLOT_NONE;
    record->owner_offset = (uint8_t *)tcb - (uint8_t *)tcp;
    record->stamp = 0;
    record->blocks = 0;
    record->has_fin = false;
    record->first_ahead = 0;
    memset(record->ahead, 0xff, sizeof record->ahead);
    if (tcp->ooo_last == SLOT_NONE)
        tcp->ooo_first = chunk;
    else
        record_of(tcp, tcp->ooo_last)->next = chunk;
    tcp->ooo_last = chunk;
    tcb->ooo = chunk;
    return record;
}

void reassembly_drop(struct tcp *tcp, struct tcb *tcb)
{
    struct record *record;

    if (tcb->ooo == SLOT_NONE)
        return;
    record = record_of(tcp, tcb->ooo);
    for (uint32_t i = 0; i < AHEAD_MAX; i++)
        if (record->ahead[i] != SLOT_NONE)
            chunk_give(&tcp->chunks, record->ahead[i], &tcb->rcv_held);
    unlink_record(tcp, record);
    chunk_give(&tcp->chunks, tcb->ooo, &tcb->rcv_held);
    tcb->ooo = SLOT_NONE;
    byte_queue_rest(&tcb->rcv_queue, &tcp->chunks, &tcb->rcv_held);
}

/* [R2018-11] */
bool reassembly_reclaim(struct tcp *tcp, const struct tcb *but)
{
    uint32_t chunk = tcp->ooo_first;

    if (chunk != SLOT_NONE && owner_of(tcp, record_of(tcp, chunk)) == but)
        chunk = record_of(tcp, chunk)->next;
    if (chunk == SLOT_NONE)
        return false;

    struct record *record = record_of(tcp, chunk);

    for (uint32_t i = 0; i < record->blocks; i++)
        tcp->stats->out_of_order_reclaimed +=
            seq_distance(record->block[i].left, record->block[i].right);
    reassembly_drop(tcp, owner_of(tcp, record));
    return true;
}

/* Where the byte `distance` behind RCV.NXT lies, taking a chunk for it if need be; run->data is NULL if none can be had. */
static struct byte_run place(struct tcp *tcp, struct tcb *tcb, struct record *record,
                             uint32_t distance)
{
    uint32_t room = byte_queue_tail_room(&tcb->rcv_queue);
    uint32_t *ahead;

    if (distance < room)
        return (struct byte_run){chunk_data(&tcp->chunks, tcb->rcv_queue.last) + CHUNK_BYTES -
                                     room + distance,
                                 room - distance};
    distance -= room;
    if (distance / CHUNK_BYTES >= AHEAD_MAX)
        return (struct byte_run){NULL, 0};
    ahead = ahead_at(record, distance / CHUNK_BYTES);
    if (*ahead == SLOT_NONE)
        *ahead = chunk_take(&tcp->chunks, &tcb->rcv_held);
    if (*ahead == SLOT_NONE)
        return (struct byte_run){NULL, 0};
    return (struct byte_run){chunk_data(&tcp->chunks, *ahead) + distance % CHUNK_BYTES,
                             CHUNK_BYTES - distance % CHUNK_BYTES};
}

/* Copies text to its place; returns how much of it found one. */
static uint32_t write_text(struct tcp *tcp, struct tcb *tcb, uint32_t distance,
                           struct byte_run text)
{
    struct record *record = record_of(tcp, tcb->ooo);
    uint32_t written = 0;

    while (written < text.length) {
        struct byte_run run = place(tcp, tcb, record, distance + written);
        uint32_t bytes = min_u32(run.length, text.length - written);

        if (!run.data)
            break;
        memcpy(run.data, text.data + written, bytes);
        written += bytes;
    }
    return written;
}

static void remove_block(struct record *record, uint32_t index)
{
    record->blocks--;
    memmove(&record->block[index], &record->block[index + 1],
            (record->blocks - index) * sizeof record->block[0]);
}

/* Adds [left, right) to the ranges that are there, joining those it touches. [R2018-04] */
static void add_block(struct record *record, seq left, seq right)
{
    uint32_t i = 0;

    while (i < record->blocks && seq_lt(record->block[i].right, left))
        i++;
    while (i < record->blocks && seq_leq(record->block[i].left, right)) {
        left = seq_min(left, record->block[i].left);
        right = seq_max(right, record->block[i].right);
        remove_block(record, i);
    }
    must(record->blocks < BLOCKS_MAX);
    memmove(&record->block[i + 1], &record->block[i],
            (record->blocks - i) * sizeof record->block[0]);
    record->blocks++;
    record->block[i] = (struct block){left, right, ++record->stamp};
}

/* Whether [left, right) can be added: it touches a range, or there is room for one more. */
static bool has_room(const struct record *record, seq left, seq right)
{
    if (record->blocks < BLOCKS_MAX)
        return true;
    for (uint32_t i = 0; i < record->blocks; i++)
        if (seq_leq(record->block[i].left, right) && seq_leq(left, record->block[i].right))
            return true;
    return false;
}

static bool is_there(const struct record *record, seq left, seq right)
{
    for (uint32_t i = 0; i < record->blocks; i++)
        if (seq_leq(record->block[i].left, left) && seq_leq(right, record->block[i].right))
            return true;
    return false;
}

/* The first part of [left, right) that waits already is a duplicate to report. [RFC 2883 4.1] */
static void note_overlap(struct tcb *tcb, const struct record *record, seq left, seq right)
{
    for (uint32_t i = 0; i < record->blocks; i++) {
        seq from = seq_max(left, record->block[i].left),
            to = seq_min(right, record->block[i].right);

        if (!seq_lt(from, to))
            continue;
        tcb->dsack_left = from;
        tcb->dsack_right = to;
        return;
    }
}

static enum reassembly_verdict keep(struct tcp *tcp, struct tcb *tcb, seq at, struct byte_run text,
                                    bool fin)
{
    struct record *record =
        tcb->ooo == SLOT_NONE ? open_record(tcp, tcb) : record_of(tcp, tcb->ooo);
    seq end = seq_add(at, text.length);
    uint32_t written;

    if (!record)
        return REASSEMBLY_NO_ROOM;
    if (fin) {
        record->has_fin = true;
        record->fin_at = end;
        if (text.length == 0)
            return REASSEMBLY_KEPT;
    }
    if (is_there(record, at, end))
        return REASSEMBLY_DUPLICATE;
    if (!has_room(record, at, end))
        return REASSEMBLY_NO_ROOM;
    written = write_text(tcp, tcb, seq_distance(tcb->rcv_nxt, at), text);
    if (written == 0) {
        if (record->blocks == 0 && !record->has_fin)
            reassembly_drop(tcp, tcb);
        return REASSEMBLY_NO_ROOM;
    }
    note_overlap(tcb, record, at, seq_add(at, written));
    add_block(record, at, seq_add(at, written));
    return REASSEMBLY_KEPT;
}

/* Takes over `bytes` that lie in place behind RCV.NXT into the queue. */
static void advance(struct tcp *tcp, struct tcb *tcb, uint32_t bytes)
{
    struct record *record = record_of(tcp, tcb->ooo);
    uint32_t here = min_u32(bytes, byte_queue_tail_room(&tcb->rcv_queue));

    byte_queue_grow(&tcb->rcv_queue, here);
    tcb->rcv_nxt = seq_add(tcb->rcv_nxt, bytes);
    for (bytes -= here; bytes > 0; bytes -= here) {
        uint32_t *ahead = ahead_at(record, 0);

        must(*ahead != SLOT_NONE);
        byte_queue_adopt(&tcb->rcv_queue, &tcp->chunks, *ahead);
        *ahead = SLOT_NONE;
        record->first_ahead = (record->first_ahead + 1) % AHEAD_MAX;
        here = min_u32(bytes, CHUNK_BYTES);
        byte_queue_grow(&tcb->rcv_queue, here);
    }
}

/* Text at RCV.NXT while ranges wait behind it. */
static uint32_t fill_gap(struct tcp *tcp, struct tcb *tcb, struct byte_run text)
{
    struct record *record = record_of(tcp, tcb->ooo);
    uint32_t written = write_text(tcp, tcb, 0, text);
    seq end = seq_add(tcb->rcv_nxt, written);

    note_overlap(tcb, record, tcb->rcv_nxt, end);
    while (record->blocks > 0 && seq_leq(record->block[0].left, end)) {
        end = seq_max(end, record->block[0].right);
        remove_block(record, 0);
    }
    advance(tcp, tcb, seq_distance(tcb->rcv_nxt, end));
    return written;
}

/* Text in order with nothing ahead of it: the usual case. */
static uint32_t append(struct tcp *tcp, struct tcb *tcb, struct byte_run text)
{
    uint32_t taken =
        byte_queue_append(&tcb->rcv_queue, &tcp->chunks, text.data, text.length, &tcb->rcv_held);

    while (taken < text.length && reassembly_reclaim(tcp, tcb))
        taken += byte_queue_append(&tcb->rcv_queue, &tcp->chunks, text.data + taken,
                                   text.length - taken, &tcb->rcv_held);
    tcb->rcv_nxt = seq_add(tcb->rcv_nxt, taken);
    return taken;
}

/* [RFC 9293 X-12] */
enum reassembly_verdict reassembly_insert(struct tcp *tcp, struct tcb *tcb, seq at,
                                          struct byte_run text, bool *fin)
{
    uint32_t taken;

    if (!seq_eq(at, tcb->rcv_nxt)) {
        bool has_fin = *fin;

        *fin = false;
        return keep(tcp, tcb, at, text, has_fin);
    }
    if (tcb->ooo == SLOT_NONE) {
        taken = append(tcp, tcb, text);
        *fin = *fin && taken == text.length;
        return taken > 0 || text.length == 0 ? REASSEMBLY_IN_ORDER : REASSEMBLY_NO_ROOM;
    }

    struct record *record = record_of(tcp, tcb->ooo);

    if (*fin) {
        record->has_fin = true;
        record->fin_at = seq_add(at, text.length);
    }
    taken = fill_gap(tcp, tcb, text);
    if (taken == 0 && text.length > 0) { /* what lies ahead has taken the room of what is next */
        reassembly_drop(tcp, tcb);
        taken = append(tcp, tcb, text);
        *fin = *fin && taken == text.length;
        return taken > 0 ? REASSEMBLY_IN_ORDER : REASSEMBLY_NO_ROOM;
    }
    if (record->has_fin && seq_lt(record->fin_at, tcb->rcv_nxt))
        record->has_fin = false; /* text went past it: it was none of the peer's */
    *fin = record->has_fin && seq_eq(record->fin_at, tcb->rcv_nxt);
    if (*fin || (record->blocks == 0 && !record->has_fin))
        reassembly_drop(tcp, tcb);
    return taken > 0 || text.length == 0 ? REASSEMBLY_IN_ORDER : REASSEMBLY_NO_ROOM;
}

/* [R2018-03, R2018-05, R2883-01, R2883-03] */
unsigned reassembly_sack(const struct tcp *tcp, const struct tcb *tcb, struct sack_block *blocks,
                         unsigned most)
{
    const struct record *record;
    uint32_t below = UINT32_MAX;
    unsigned count = 0;

    if (tcb->ooo == SLOT_NONE)
        return 0;
    record = record_of(tcp, tcb->ooo);
    while (count < most) {
        const struct block *best = NULL;

        for (uint32_t i = 0; i < record->blocks; i++)
            if (record->block[i].stamp < below && (!best || record->block[i].stamp > best->stamp))
                best = &record->block[i];
        if (!best)
            break;
        blocks[count++] = (struct sack_block){best->left, best->right};
        below = best->stamp;
    }
    return count;
}
