/* Fuzzer of SYN cookies: an ACK that nobody asked for. A cookie opens only if it is the one that would have been made, at one of
 * the instants that count, for just what it says the SYN said; and one that was made opens. [HF1; RFC 4987 3.6] */
#include "base/must.h"
#include "cookie/syn_cookie.h"
#include "fuzz/input.h"

/* Whether making a cookie at this slot gives the same numbers. */
static bool is_made_at(const struct key_ring *ring, const struct cookie_handshake *h, uint32_t slot,
                       const struct syn_info *syn, const struct cookie *cookie)
{
    const struct siphash_key *key = key_ring_of(ring, slot);
    struct cookie_handshake then = *h;
    struct cookie made;

    if (!key)
        return false;
    then.slot = slot;
    made = syn_cookie_make(*key, &then, syn);
    return made.isn == cookie->isn && (!syn->timestamps || made.ts_value == cookie->ts_value);
}

static bool is_ours(const struct key_ring *ring, const struct cookie_handshake *h,
                    const struct syn_info *syn, const struct cookie *cookie)
{
    for (uint32_t i = 0; i <= COOKIE_LIFE; i++)
        if (is_made_at(ring, h, h->slot + 1 - i, syn, cookie))
            return true;
    return false;
}

static void check_stray(const struct key_ring *ring, const struct cookie_handshake *h,
                        struct input *input)
{
    struct cookie cookie = {.isn = input_u32(input), .ts_value = input_u32(input)};
    bool stamped = input_u8(input) & 1;
    struct syn_info syn = {.version = input_u8(input) & 1 ? 6 : 4};

    if (!syn_cookie_open(ring, h, cookie.isn, stamped ? &cookie.ts_value : NULL, &syn))
        return;
    must(syn.timestamps == stamped && syn.mss >= SYN_MSS_FLOOR && syn.scale <= SYN_SCALE_NONE);
    must(is_ours(ring, h, &syn, &cookie));
}

static void check_made(const struct key_ring *ring, const struct cookie_handshake *h,
                       struct input *input)
{
    unsigned bits = input_u8(input), age = input_u8(input) % 10;
    struct syn_info syn = {.mss = input_u16(input),
                           .scale = bits & 15,
                           .version = bits & 16 ? 6 : 4,
                           .sack = bits & 32,
                           .ecn = bits & 64,
                           .timestamps = bits & 128};
    struct syn_info said = {.version = syn.version};
    struct cookie_handshake then = *h;
    struct cookie cookie;
    bool opened;

    then.slot -= age;
    if (!key_ring_of(ring, then.slot))
        return;
    cookie = syn_cookie_make(*key_ring_of(ring, then.slot), &then, &syn);
    opened = syn_cookie_open(ring, h, cookie.isn, syn.timestamps ? &cookie.ts_value : NULL, &said);
    must(opened == (age < (syn.timestamps ? COOKIE_LIFE - 1u : 2u)));
    if (!opened)
        return;
    must(said.mss <= syn.mss || said.mss == SYN_MSS_FLOOR);
    if (!syn.timestamps)
        return;
    must(said.scale == syn.scale && said.sack == syn.sack && said.ecn == syn.ecn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    unsigned choice = input_u8(&input);
    struct cookie_handshake h = {.strict = choice & 1, .shared = choice & 2};
    struct siphash_key master;
    struct key_ring ring;

    memset(&master, choice & 4 ? 0 : 0xa7, sizeof master);
    h.tuple = input_u64(&input);
    h.client_isn = input_u32(&input);
    h.slot = input_u32(&input);
    key_ring_init(&ring, master, h.slot);
    if (choice & 8) { /* time goes on */
        h.slot += input_u16(&input);
        key_ring_advance(&ring, h.slot);
    }
    for (unsigned i = 0; i < 8 && input_left(&input) > 0; i++)
        if (choice & 16)
            check_stray(&ring, &h, &input);
        else
            check_made(&ring, &h, &input);
    return 0;
}
