/* An operator's cap on SYN-ACKs: chance decides. [RFC 4987 3.1] */
#include "gate/syn_ack_cap.h"

#include "base/bytes.h"
#include "base/time.h"

void syn_ack_cap_init(struct syn_ack_cap *cap, uint32_t per_s, int64_t now_us)
{
    uint32_t windows = (uint32_t)(US_PER_S / SYN_ACK_CAP_WINDOW_US);

    *cap = (struct syn_ack_cap){
        .per_window = per_s ? max_u32(per_s / windows, 1) : 0,
        .window_us = now_us,
    };
}

bool syn_ack_cap_admits(struct syn_ack_cap *cap, uint32_t chance, int64_t now_us)
{
    int64_t passed_us = now_us - cap->window_us;

    if (cap->per_window == 0)
        return true;
    if (passed_us >= SYN_ACK_CAP_WINDOW_US) {
        cap->asked_before = passed_us < 2 * SYN_ACK_CAP_WINDOW_US ? cap->asked : 0;
        cap->asked = cap->admitted = 0;
        cap->window_us = now_us;
    }
    cap->asked++;
    if (cap->admitted >= cap->per_window)
        return false;
    if ((uint64_t)chance * cap->asked_before >> 32 >= cap->per_window)
        return false;
    cap->admitted++;
    return true;
}
