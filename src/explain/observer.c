/* All conversations of a capture, in bounded memory. */
#include "explain/observer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GIVE_WAY_VISITS 64u
#define STALE_US INT64_C(120000000)
#define TWICE_US 1000       /* what a host needs from one of its interfaces to the next, at most */
#define TWICE_UNNAMED_US 50 /* ... where packets have no identification */

static struct conversation *conversation_at(const struct observer *observer, uint32_t slot)
{
    return pool_at(&observer->pool, slot);
}

static uint64_t hash_of_slot(const void *context, uint32_t slot)
{
    return conversation_at(context, slot)->hash;
}

static void carve(struct observer *observer, struct arena *arena, uint32_t conversations)
{
    pool_init(&observer->pool, arena, sizeof(struct conversation), conversations);
    table_init(&observer->table, arena, conversations, hash_of_slot, observer);
}

bool observer_init(struct observer *observer, uint32_t conversations, struct siphash_key key)
{
    struct arena arena = {NULL, 0};

    memset(observer, 0, sizeof *observer);
    observer->key = key;
    carve(observer, &arena, conversations);
    observer->memory_bytes = arena.used;
    observer->memory = mmap(NULL, arena.used, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (observer->memory == MAP_FAILED)
        return false;
    arena = (struct arena){observer->memory, 0};
    carve(observer, &arena, conversations);
    return true;
}

void observer_free(struct observer *observer)
{
    munmap(observer->memory, observer->memory_bytes);
    floods_free(&observer->floods);
}

/* ---- finding ---- */

static uint64_t end_hash(const struct observer *observer, const struct hf_address *address,
                         uint16_t port)
{
    return siphash_24(observer->key, get_be64(address->bytes), get_be64(address->bytes + 8), port);
}

/* The same from both sides. */
static uint64_t flow_hash(const struct observer *observer, const struct flow *flow)
{
    return end_hash(observer, &flow->remote, flow->remote_port) +
           end_hash(observer, &flow->local, flow->local_port);
}

static struct flow reversed(const struct flow *flow)
{
    return (struct flow){flow->local, flow->remote, flow->local_port, flow->remote_port};
}

static struct conversation *find(const struct observer *observer, uint64_t hash,
                                 const struct flow *flow, unsigned *from)
{
    struct table_cursor cursor = table_find(&observer->table, hash);
    struct flow back = reversed(flow);

    for (uint32_t slot; (slot = table_next(&observer->table, &cursor)) != SLOT_NONE;) {
        struct conversation *conversation = conversation_at(observer, slot);

        *from = !flow_equal(&conversation->flow, flow);
        if (*from == 0 || flow_equal(&conversation->flow, &back))
            return conversation;
    }
    return NULL;
}

static struct hf_endpoint server_of(const struct conversation *conversation)
{
    return (struct hf_endpoint){conversation->flow.local, conversation->flow.local_port};
}

static void count_half_open(struct observer *observer, const struct conversation *conversation)
{
    struct hf_endpoint server = server_of(conversation);
    struct flooded *flooded = floods_find(&observer->floods, &server);

    observer->counts[__builtin_ctz(ANOMALY_HALF_OPEN)]++;
    if (flooded)
        flooded->half_opens++;
    if ((!flooded || !flooded->ever) && observer->left_count < OBSERVER_LEFT)
        observer->left[observer->left_count++] =
            (struct left_half_open){conversation->flow, conversation->number};
}

static void forget(struct observer *observer, uint32_t slot)
{
    struct conversation *conversation = conversation_at(observer, slot);

    if (conversation->half_open)
        count_half_open(observer, conversation);
    table_remove(&observer->table, conversation->hash, slot);
    conversation->number = 0;
    pool_give(&observer->pool, slot);
    observer->gave_way++;
}

static bool may_give_way(const struct conversation *conversation, int64_t at_us)
{
    return conversation->half_open || conversation->reset ||
           conversation->end[0].state == HF_STATE_CLOSED ||
           conversation->end[1].state == HF_STATE_CLOSED ||
           at_us - conversation->last_us > STALE_US;
}

static void make_room(struct observer *observer, int64_t at_us)
{
    uint32_t slot = observer->hand;

    for (uint32_t i = 0; i < GIVE_WAY_VISITS; i++) {
        slot = observer->hand;
        observer->hand = slot + 1 < observer->pool.capacity ? slot + 1 : 0;
        if (may_give_way(conversation_at(observer, slot), at_us))
            break;
    }
    forget(observer, slot);
}

/* ---- seeing ---- */

static struct conversation *begin(struct observer *observer, uint64_t hash,
                                  const struct dissected *dissected, unsigned *from, int64_t at_us)
{
    const struct segment *seg = &dissected->segment;
    bool answer = (seg->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK);
    bool by_server =
        answer || (!(seg->flags & TCP_SYN) && seg->source_port < seg->destination_port);

    if (observer->pool.count == observer->pool.capacity)
        make_room(observer, at_us);
    uint32_t slot = pool_take(&observer->pool, NULL);
    struct conversation *conversation = conversation_at(observer, slot);

    memset(conversation, 0, sizeof *conversation);
    conversation->hash = hash;
    conversation->number = ++observer->conversations;
    conversation->flow = by_server ? reversed(&dissected->flow) : dissected->flow;
    table_insert(&observer->table, hash, slot);
    *from = by_server;
    conversation_begin(conversation, seg, at_us);
    if (answer) { /* its SYN was missed */
        conversation->joined = true;
        conversation->end[0].state = HF_STATE_SYN_SENT;
        conversation->end[1].state = HF_STATE_LISTEN;
    }
    observer->joined += conversation->joined;
    return conversation;
}

static void begin_again(struct observer *observer, struct conversation *conversation,
                        const struct dissected *dissected, unsigned *from, int64_t at_us)
{
    if (conversation->half_open)
        count_half_open(observer, conversation);
    conversation->flow = dissected->flow;
    conversation->number = ++observer->conversations;
    conversation_begin(conversation, &dissected->segment, at_us);
    *from = 0;
}

static void count(struct observer *observer, unsigned odd)
{
    for (; odd; odd &= odd - 1)
        observer->counts[__builtin_ctz(odd)]++;
}

static void watch_floods(struct observer *observer, struct observation *seen,
                         const struct dissected *dissected, bool was_complete, int64_t at_us)
{
    const struct conversation *conversation = seen->conversation;
    struct hf_endpoint server = server_of(conversation);

    if ((dissected->segment.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && seen->from == 0 &&
        floods_syn(&observer->floods, &server, end_hash(observer, &conversation->flow.remote, 0),
                   at_us))
        seen->odd |= ANOMALY_SYN_FLOOD;
    if (conversation->completed && !was_complete)
        floods_completed(&observer->floods, &server, at_us);
    if (conversation->half_open || conversation->reset) {
        const struct flooded *flooded = floods_find(&observer->floods, &server);

        seen->of_flood = !conversation->completed && flooded && flooded->floods;
    }
}

static uint32_t mix(uint32_t hash, uint32_t word)
{
    hash = (hash ^ word) * 0x9e3779b1u;
    return hash ^ hash >> 15;
}

/* Who captures at several interfaces ("any", a bridge) gets a packet at each of them. A TCP does not say the same so soon,
 * and gives it another identification; without one, only what has a number of its own is taken for the same. */
static bool is_seen_twice(struct observed_end *end, const struct dissected *dissected,
                          int64_t at_us)
{
    const struct segment *seg = &dissected->segment;
    const uint32_t words[] = {seg->seq.value,        seg->ack.value, seg->length,  seg->flags,
                              seg->options.ts_value, seg->window,    dissected->id};
    int64_t apart_us = at_us - end->print_us;
    bool has_number = segment_length(seg) > 0;
    uint32_t print = 0;
    bool same;

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        print = mix(print, words[i]);
    same = end->print == print && end->spoke && apart_us >= 0 &&
           (dissected->id ? apart_us <= TWICE_US : has_number && apart_us <= TWICE_UNNAMED_US);
    end->print = print;
    end->print_us = at_us;
    return same;
}

static bool ends_at(const struct segment *seg, seq next)
{
    return seq_eq(seq_add(seg->seq, segment_length(seg)), next);
}

void observer_see(struct observer *observer, const struct dissected *dissected, int64_t at_us,
                  struct observation *seen)
{
    uint64_t hash = flow_hash(observer, &dissected->flow);

    unsigned from = 0;
    struct conversation *conversation = find(observer, hash, &dissected->flow, &from);

    *seen = (struct observation){.odd = 0};
    if (!conversation) {
        conversation = begin(observer, hash, dissected, &from, at_us);
        seen->begins = true;
    } else if (conversation_is_over_for(conversation, &dissected->segment, from)) {
        begin_again(observer, conversation, dissected, &from, at_us);
        seen->begins = true;
    }
    bool was_complete = conversation->completed;

    seen->conversation = conversation;
    seen->from = from;
    seen->odd = dissected->cut ? ANOMALY_CUT_SHORT : 0;
    if (is_seen_twice(&conversation->end[from], dissected, at_us)) {
        seen->odd |= ANOMALY_SEEN_TWICE;
    } else {
        seen->odd |=
            conversation_see(conversation, from, &dissected->segment, dissected->ttl, at_us);
        watch_floods(observer, seen, dissected, was_complete, at_us);
    }
    if (dissected->is_piece && ends_at(&dissected->segment, conversation->end[from].next))
        conversation->end[from].open_end = true;
    observer->packets++;
    observer->bytes += dissected->segment.length;
    count(observer, seen->odd);
}

void observer_finish(struct observer *observer)
{
    for (uint32_t slot = 0; slot < observer->pool.high; slot++) {
        const struct conversation *conversation = conversation_at(observer, slot);

        if (conversation->number > 0 && conversation->half_open)
            count_half_open(observer, conversation);
    }
}
