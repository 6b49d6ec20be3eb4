/* An operator's cap on SYN-ACKs to those who have not proved themselves. [RFC 4987 3.1]
 *
 * A cap locks out whoever is imitated, so there is none by default. Above it chance decides who is answered: each SYN has the
 * chance that the cap was of the SYNs in the window before, so whoever asks again gets in sooner or later, and a flood cannot
 * take all of a window by being first in it.
 */
#ifndef GATE_SYN_ACK_CAP_H
#define GATE_SYN_ACK_CAP_H

#include <stdbool.h>
#include <stdint.h>

#define SYN_ACK_CAP_WINDOW_US INT64_C(100000)

struct syn_ack_cap {
    uint32_t per_window; /* 0: no cap */
    uint32_t asked, asked_before, admitted;
    int64_t window_us; /* when this window began */
};

void syn_ack_cap_init(struct syn_ack_cap *cap, uint32_t per_s, int64_t now_us);

/* Whether a SYN is answered. chance: 32 bits that nobody can foresee. */
bool syn_ack_cap_admits(struct syn_ack_cap *cap, uint32_t chance, int64_t now_us);

#endif
