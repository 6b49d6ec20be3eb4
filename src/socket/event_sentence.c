/* Events as sentences for people: what, where, from whom, how much, since when and why. [include/handfast/event.h] */
#include <handfast/auth.h>
#include <handfast/event.h>
#include <handfast/socket.h>

#include <string.h>

/* A sentence under construction: what does not fit is counted, not written. */
struct sentence {
    char *to;
    size_t capacity, length;
    const struct hf_event *event;
};

static void add(struct sentence *s, const char *words)
{
    for (; *words; words++, s->length++)
        if (s->length + 1 < s->capacity)
            s->to[s->length] = *words;
}

static void add_number(struct sentence *s, uint64_t value)
{
    char digits[24], *at = digits + sizeof digits - 1;

    *at = 0;
    do
        *--at = (char)('0' + value % 10);
    while (value /= 10);
    add(s, at);
}

/* "1 SYN", "17 SYNs" */
static void add_count(struct sentence *s, uint64_t count, const char *what)
{
    add_number(s, count);
    add(s, " ");
    add(s, what);
    if (count != 1)
        add(s, "s");
}

/* From since_us to at_us, in the unit that leaves two digits or more: "640 ms", "59 s", "180 min", "47 h", "3 days". */
static void add_duration(struct sentence *s)
{
    static const struct {
        const char *unit;
        int64_t us, most;
    } units[] = {
        {" ms", 1000, 2000},
        {" s", 1000000, 180},
        {" min", INT64_C(60000000), 180},
        {" h", INT64_C(3600000000), 48},
        {" days", INT64_C(86400000000), INT64_MAX},
    };
    int64_t us = s->event->at_us - s->event->since_us;
    size_t unit = 0;

    if (us < 0)
        us = 0;
    while (us / units[unit].us >= units[unit].most)
        unit++;
    add_number(s, (uint64_t)(us / units[unit].us));
    add(s, units[unit].unit);
}

static bool is_any(const struct hf_address *address)
{
    static const struct hf_address any;

    return memcmp(address, &any, sizeof any) == 0;
}

/* "192.0.2.1:80", "[2001:db8::1]:80"; "port 80" on every address; without a port the address alone. */
static void add_endpoint(struct sentence *s, const struct hf_endpoint *endpoint)
{
    char text[HF_ENDPOINT_TEXT_MAX];

    if (endpoint->port == 0) {
        add(s, hf_address_format(text, &endpoint->address));
    } else if (is_any(&endpoint->address)) {
        add(s, "port ");
        add_number(s, endpoint->port);
    } else {
        add(s, hf_endpoint_format(text, endpoint));
    }
}

static void add_local(struct sentence *s)
{
    add_endpoint(s, &s->event->local);
}

static void add_remote(struct sentence *s)
{
    add_endpoint(s, &s->event->remote);
    if (s->event->prefix_length) {
        add(s, "/");
        add_number(s, s->event->prefix_length);
    }
}

/* " (13 times in 3 s)" */
static void add_more(struct sentence *s)
{
    if (s->event->count < 2)
        return;
    add(s, " (");
    add_count(s, s->event->count, "time");
    add(s, " in ");
    add_duration(s);
    add(s, ")");
}

static void say_ended(struct sentence *s)
{
    add(s, "the connection of ");
    add_remote(s);
    add(s, " with ");
    add_local(s);
    add(s, s->event->value ? " ended: " : " was closed");
    if (s->event->value)
        add(s, hf_error_text((int)s->event->value));
}

static const char *pressure_meaning(enum hf_pressure pressure)
{
    switch (pressure) {
    case HF_CALM: return " is calm again: every SYN may wait in the cache";
    case HF_STRAINED:
        return " is strained: only peers who proved themselves lately wait in the cache, others "
               "get "
               "cookies";
    case HF_FLOODED: return " is flooded: every SYN is answered by a cookie and costs no memory";
    }
    return " is under pressure";
}

static void say_pressure(struct sentence *s)
{
    add_local(s);
    add(s, pressure_meaning((enum hf_pressure)s->event->value));
    add(s, "; before that ");
    add_count(s, s->event->count, "SYN");
    add(s, " came in ");
    add_duration(s);
    if (s->event->prefix_length) {
        add(s, ", most from ");
        add_remote(s);
    }
}

static void say_flood_over(struct sentence *s)
{
    add(s, "the flood at ");
    add_local(s);
    add(s, " is over after ");
    add_count(s, s->event->count, "SYN");
    add(s, " in ");
    add_duration(s);
}

static void say_scan(struct sentence *s)
{
    add_remote(s);
    add(s, " looks for what is open: ");
    add_count(s, s->event->count, "segment");
    add(s, " in ");
    add_duration(s);
    if (s->event->value) {
        add(s, " to about ");
        add_count(s, s->event->value, "closed port");
    } else {
        add(s, " with flags that no stack sends");
    }
    add(s, ", the last to ");
    add_local(s);
    add(s, "; nothing was banned, as a source that proved nothing may be forged");
}

static const char *held_meaning(enum hf_held why)
{
    switch (why) {
    case HF_HELD_ZERO_WINDOW: return "the peer kept its window closed";
    case HF_HELD_SLOW: return "the peer took next to nothing";
    case HF_HELD_UNACKNOWLEDGED: return "the peer acknowledged nothing";
    case HF_HELD_CLOSING: return "our FIN was not acknowledged";
    case HF_HELD_FIN_WAIT_2: return "the peer did not close its side";
    case HF_HELD_IDLE: return "nothing was said";
    }
    return "nothing went on";
}

static void say_held(struct sentence *s)
{
    add(s, "the connection of ");
    add_remote(s);
    add(s, " with ");
    add_local(s);
    add(s, " was reset to make room: ");
    add(s, held_meaning((enum hf_held)s->event->value));
    add(s, " for ");
    add_duration(s);
    if (s->event->count) {
        add(s, " while it held ");
        add_count(s, s->event->count, "byte");
    }
}

/* "REMOTE words LOCAL tail" */
static void say(struct sentence *s, const char *words, const char *tail)
{
    add_remote(s);
    add(s, words);
    add_local(s);
    add(s, tail);
    add_more(s);
}

static const char *signature_meaning(enum hf_signature_fault fault)
{
    switch (fault) {
    case HF_SIGNATURE_MISSING: return ": it is not signed";
    case HF_SIGNATURE_WRONG: return ": its signature is wrong";
    case HF_SIGNATURE_NO_KEY: return ": it is signed with a key that is not here";
    case HF_SIGNATURE_LENGTH: return ": its signature has another length than the key makes";
    case HF_SIGNATURE_BOTH: return ": it has two signatures, or half of one";
    case HF_SIGNATURE_STRAY: return ": a peer with a key, but no connection";
    case HF_SIGNATURE_FAULTS: break;
    }
    return "";
}

static void say_alarm(struct sentence *s)
{
    switch (s->event->kind) {
    case HF_EVENT_PRESSURE: say_pressure(s); break;
    case HF_EVENT_SCAN: say_scan(s); break;
    case HF_EVENT_HELD: say_held(s); break;
    case HF_EVENT_FLOOD_OVER: say_flood_over(s); break;
    case HF_EVENT_CACHE_FULL: say(s, " came when the SYN cache of ", " was full"); break;
    case HF_EVENT_ACCEPT_QUEUE_FULL:
        say(s, " was kept waiting, as the server behind ", " does not accept what has come");
        break;
    case HF_EVENT_POOL_FULL: say(s, " sent to ", " what there was no memory for"); break;
    case HF_EVENT_ADDRESS_CONFLICT:
        add(s, "another station of the link claims our address ");
        add_local(s);
        break;
    case HF_EVENT_NEIGHBOR_FAILED:
        add(s, "the next hop ");
        add_remote(s);
        add(s, " does not answer");
        break;
    case HF_EVENT_SIGNATURE:
        say(s, " or somebody in its name was not believed at ",
            signature_meaning((enum hf_signature_fault)s->event->value));
        break;
    case HF_EVENT_NONE:
    case HF_EVENT_CONNECTION_OPENED:
    case HF_EVENT_CONNECTION_ENDED:
    case HF_EVENT_HALF_OPEN_TIMED_OUT:
    case HF_EVENT_CHALLENGED:
    case HF_EVENT_KINDS: add(s, hf_event_text(s->event->kind)); break;
    }
}

size_t hf_event_sentence(const struct hf_event *event, char *sentence, size_t capacity)
{
    struct sentence s = {sentence, capacity, 0, event};

    if (event->kind == HF_EVENT_CONNECTION_OPENED)
        say(&s, " opened a connection with ", "");
    else if (event->kind == HF_EVENT_CONNECTION_ENDED)
        say_ended(&s);
    else if (event->kind == HF_EVENT_HALF_OPEN_TIMED_OUT)
        say(&s, " never finished the handshake with ", "");
    else if (event->kind == HF_EVENT_CHALLENGED)
        say(&s, " may be forged: what came in its name to ", " was challenged");
    else
        say_alarm(&s);
    if (capacity)
        sentence[s.length < capacity ? s.length : capacity - 1] = 0;
    return s.length;
}
