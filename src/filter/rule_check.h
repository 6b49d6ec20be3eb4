/* One rule against one packet, the plain way: for what is opened, for the check of rules, and to test the quick way. */
#ifndef FILTER_RULE_CHECK_H
#define FILTER_RULE_CHECK_H

#include "filter/ruleset.h"

struct rule_question {
    bool outward;
    uint8_t protocol; /* HF_FILTER_TCP or HF_FILTER_ICMP */
    uint8_t ttl;      /* outward: 255 */
    uint16_t port;
    struct hf_address from, to;
};

bool rule_fits(const struct hf_filter_rule *rule, const struct rule_question *question);

/* The first of `count` rules that fits, or `count`. */
size_t rule_first(const struct hf_filter_rules *rules, size_t count,
                  const struct rule_question *question);

#endif
