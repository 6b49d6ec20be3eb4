/* What can be impossible about a configuration, and the sentence that says so. [RFC 9293 3.8; RFC 1122 3.3.3; RFC 8200 5] */
#ifndef STACK_CONFIG_FAULT_H
#define STACK_CONFIG_FAULT_H

#define CONFIG_FAULTS(X)                                                                          \
    X(NULL, "config must not be NULL")                                                            \
    X(LINK, "link must be HF_ETHERNET or HF_RAW_IP")                                              \
    X(LINK_PART, "link must be HF_RAW_IP without parts.ethernet")                                 \
    X(MTU, "mtu must be 576 to 65535")                                                            \
    X(MTU_V6, "mtu must be 1280 to 65535 with an IPv6 address")                                   \
    X(VLAN, "vlan must be 0 to 4094")                                                             \
    X(VLAN_RAW_IP, "vlan must be 0 with HF_RAW_IP")                                               \
    X(MAC, "mac must not be a group address: its first byte must be even")                        \
    X(ADDRESSES, "addresses must name at least one address")                                      \
    X(ADDRESSES_PART, "addresses must be of IPv4 without parts.ipv6")                             \
    X(ADDRESSES_LENGTH, "addresses: a prefix length must be 0 to 32 for IPv4, 0 to 128 for IPv6") \
    X(ADDRESSES_KIND, "addresses must be unicast addresses of a host")                            \
    X(ADDRESSES_TWICE, "addresses must name each address once")                                   \
    X(PING_PART, "answer_ping must be false without parts.icmp")                                  \
    X(IPV6_PART, "parts.ipv6 must be NULL without parts.icmp")                                    \
    X(ROUTES_PART, "routes must be of IPv4 without parts.ipv6")                                   \
    X(ROUTES_LENGTH, "routes: a prefix length must be 0 to 32 for IPv4, 0 to 128 for IPv6")       \
    X(ROUTES_FAMILY, "routes: a gateway must be of the same family as its prefix")                \
    X(ROUTES_KIND, "routes: a gateway must be another host's unicast address")                    \
    X(ROUTES_ON_LINK, "routes: a gateway must lie in one of the networks of addresses")           \
    X(MAX_CONNECTIONS, "max_connections must be 1 to 67108864")                                   \
    X(MAX_HALF_OPENS, "max_half_opens must be 1 to 67108864")                                     \
    X(MAX_TIME_WAITS, "max_time_waits must be 0 to 67108864")                                     \
    X(MAX_LISTENERS, "max_listeners must be 1 to 65535")                                          \
    X(MAX_NEIGHBORS, "max_neighbors must be 1 to 1048576")                                        \
    X(MAX_KEYS, "max_keys must be 0 to 1048576")                                                  \
    X(MAX_SIGNED, "max_signed must be 0 to 67108864")                                             \
    X(MAX_REASSEMBLIES, "max_reassemblies must be 0 to 65535")                                    \
    X(REASSEMBLY_PART, "max_reassemblies must be 0 without parts.reassembly")                     \
    X(RECEIVE_BYTES, "receive_bytes must be 1024 to 1073725440")                                  \
    X(WINDOW_SCALE, "window_scale must be 0 to 14")                                               \
    X(SEND_BYTES, "send_bytes must be 1024 to 1073725440")                                        \
    X(PROMISE_BYTES, "promise_bytes must be 0 to 16777216")                                       \
    X(POOL_BYTES, "pool_bytes must be 0, or promise_bytes to 4 TiB")                              \
    X(SEGMENTATION_BYTES, "segmentation_bytes must be 0 to 65535")                                \
    X(SEGMENTATION_ALONE, "segmentation_bytes must be 0 without checksum_offload")                \
    X(SIZE, "the limits are more than this machine can address")                                  \
    X(MSL, "msl_ms must be 1 to 3600000")                                                         \
    X(MIN_RTO, "min_rto_ms must be 1 to 60000")                                                   \
    X(INITIAL_RTO, "initial_rto_ms must be min_rto_ms to 60000")                                  \
    X(MAX_RTO, "max_rto_ms must be initial_rto_ms to 3600000")                                    \
    X(DELAYED_ACK, "delayed_ack_ms must be 0 to 500")                                             \
    X(USER_TIMEOUT, "user_timeout_ms must be 1 or more")                                          \
    X(SYN_TIMEOUT, "syn_timeout_ms must be 1 or more")                                            \
    X(FIN_WAIT_2, "fin_wait_2_ms must be 1 or more")                                              \
    X(KEEPALIVE_INTERVAL, "keepalive_interval_ms must be 1 or more")                              \
    X(KEEPALIVE_COUNT, "keepalive_count must be 1 to 255")                                        \
    X(INITIAL_WINDOW, "initial_window must be 1 to 255")                                          \
    X(TTL, "ttl must be 1 to 255")                                                                \
    X(SYN_ACK_RETRIES, "syn_ack_retries must be 0 to 10")                                         \
    X(HALF_OPEN_TIMEOUT, "half_open_timeout_ms must be 1 to 3600000")                             \
    X(ON_TIMEOUT, "on_timeout must be HF_FORGET or HF_SEND_RESET")                                \
    X(STALL_TIMEOUT, "stall_timeout_ms must be 0 to 86400000")                                    \
    X(WATCH_PART, "stall_timeout_ms must be 0 without parts.watch")                               \
    X(SCAN_PORTS, "scan_ports must be 0 to 48")                                                   \
    X(SCAN_PART, "scan_ports must be 0 without parts.scan")

#define CONFIG_FAULT(name, sentence) CONFIG_##name,
enum config_fault { CONFIG_POSSIBLE = 0, CONFIG_FAULTS(CONFIG_FAULT) };
#undef CONFIG_FAULT

#endif
