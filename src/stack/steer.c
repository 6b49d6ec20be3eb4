/* Whose frame is it, among stacks that share nothing. [RFC 5927 4.1 asks that errors meet the connection they are about] */
#include "crypto/siphash.h"
#include "stack/stack.h"
#include "wire/steer.h"

/* Not secret: every stack, and a driver in the kernel, must come to the same answer. Who aims at one core gains what he
 * would gain by one flow. */
static const struct siphash_key steer_key = {0x68616e6466617374, 0x7374656572696e67};

unsigned hf_steer(const struct hf_frame *frame, unsigned cores)
{
    struct flow flow;
    uint64_t hash;

    switch (steer_frame(&flow, frame)) {
    case STEER_ALL: return cores;
    case STEER_NONE: return 0;
    case STEER_FLOW:
    case STEER_ADDRESSES: break;
    }
    hash = siphash_bytes(steer_key, &flow, sizeof flow);
    return (unsigned)((hash >> 32) * cores >> 32);
}
