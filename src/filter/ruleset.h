/* A filter as it lies in memory: lists of sources, services and who may speak to them. Built by ruleset.c, asked by match.c. */
#ifndef FILTER_RULESET_H
#define FILTER_RULESET_H

#include "filter/prefix_table.h"

/* Who may speak to what listens at some endpoints. */
struct filter_service {
    struct prefix_table allow; /* of no keys: everybody */
    bool restricted;
    bool observe;
};

struct filter_endpoint {
    struct hf_address address; /* all zero: any */
    uint16_t port;
    uint16_t service;
};

struct hf_filter {
    struct prefix_table sources; /* the value is a list's number, plus one */
    const struct filter_service *services;
    const struct filter_endpoint *endpoints; /* by port; of one port the precise addresses first */
    uint32_t endpoint_count;
    uint32_t list_count; /* that have entries: none above is named */
    struct hf_filter_list lists[HF_FILTER_LISTS_MAX];
    uint64_t list_packets[HF_FILTER_LISTS_MAX];
};

/* The service at an address and port of ours, or NULL. */
const struct filter_service *filter_service_at(const struct hf_filter *filter,
                                               const struct hf_address *address, uint16_t port);

#endif
