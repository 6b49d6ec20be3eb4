/* What is odd about a segment that belongs to no connection. [RFC 9293 3.10.7.1, 3.10.7.2]
 *
 * Odd is what no stack sends by itself: whoever sends it wants to learn from our answer what we are, or who else talks to
 * us. So the answer is the one of RFC 9293 and nothing else (silence from a listener, a reset within budget from a closed
 * port), and the oddity is counted under its own name.
 */
#include "stack/door.h"

#define LOOKED_AT (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK | TCP_PSH | TCP_URG)
#define XMAS (TCP_FIN | TCP_PSH | TCP_URG)

/* HF_STAT_none: nothing is odd. */
static enum hf_stat oddity(const struct segment *seg)
{
    uint8_t flags = seg->flags & LOOKED_AT;

    if (flags & TCP_SYN) {
        if (flags & TCP_RST)
            return HF_STAT_odd_syn_rst;
        if (flags & TCP_FIN)
            return HF_STAT_odd_syn_fin;
        return seg->length > 0 && !(flags & TCP_ACK) ? HF_STAT_odd_syn_text : HF_STAT_none;
    }
    if (flags & (TCP_RST | TCP_ACK))
        return HF_STAT_none;
    if (flags == 0)
        return HF_STAT_odd_null;
    if (flags == TCP_FIN)
        return HF_STAT_odd_fin;
    return flags == XMAS ? HF_STAT_odd_xmas : HF_STAT_odd_flags;
}

static void look_for_scan(struct hf_stack *stack, const struct flow *flow, enum scan_try what,
                          int64_t now_us)
{
    if (stack->scan)
        stack->config.parts.scan->look(stack, flow, what, now_us);
}

void door_note(struct hf_stack *stack, const struct gate_segment *arrived, bool open,
               int64_t now_us)
{
    const struct segment *seg = arrived->seg;
    enum hf_stat odd = oddity(seg);

    if (odd != HF_STAT_none)
        stack_count(stack, odd);
    /* Text on a SYN is allowed, if rare. [RFC 9293 3.10.7.2; RFC 7413] */
    if (odd != HF_STAT_none && odd != HF_STAT_odd_syn_text)
        look_for_scan(stack, arrived->flow, SCAN_ODD_FLAGS, now_us);
    else if (!open && (seg->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
        look_for_scan(stack, arrived->flow, SCAN_CLOSED_PORT, now_us);
}
