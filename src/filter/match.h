/* What a filter says about one packet. Knows that packet and the rules, nothing else. */
#ifndef FILTER_MATCH_H
#define FILTER_MATCH_H

#include "filter/ruleset.h"
#include "wire/packet.h"

enum filter_verdict {
    FILTER_PASS = 0,
    FILTER_OBSERVED, /* passes, but its service would have refused it (`counter` says as what) if it enforced */
    FILTER_REFUSE_FRESH, /* unless it belongs to a connection that exists */
    FILTER_REFUSE,       /* in any case */
};

/* What the lists say of the sources of up to PREFIX_TABLE_GROUP packets: for filter_match, which it makes cheap. */
void filter_look_up(const struct hf_filter *filter, const struct packet *const *packets,
                    unsigned count, uint32_t *listed);

/* `listed` is from filter_look_up; `counter` is the name of a refusal, HF_STAT_none if it passes. */
enum filter_verdict filter_match(struct hf_filter *filter, const struct packet *packet,
                                 uint32_t listed, enum hf_stat *counter);

/* Whether a bogon is only to be counted. */
bool filter_sees_bogon(const struct hf_filter *filter, const struct packet *packet,
                       uint32_t listed);

#endif
