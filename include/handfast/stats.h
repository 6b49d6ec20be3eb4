/* Every counter of a stack: one row each with its name, its unit and what it means. All only grow. The names of those
 * that count a refusal are also the reasons given on frames (hf_frame.reason) and in captures. */
#ifndef HANDFAST_STATS_H
#define HANDFAST_STATS_H

#include <handfast/handfast.h>
#include <handfast/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
#define HF_STATS(X)                                                                                                    \
    X(none, "", "no reason: the frame was delivered")                                                                  \
    /* frames and packets */                                                                                           \
    X(frames_in, "frames", "frames given to hf_input")                                                                 \
    X(frames_out, "frames", "frames written by hf_output")                                                             \
    X(bytes_in, "bytes", "bytes of frames in")                                                                         \
    X(bytes_out, "bytes", "bytes of frames out")                                                                       \
    X(frame_truncated, "frames", "shorter than its link header")                                                       \
    X(frame_other_station, "frames", "link address of another station")                                                \
    X(frame_other_vlan, "frames", "802.1Q tag of another network")                                                     \
    X(frame_foreign, "frames", "a protocol or an address that is not ours")                                            \
    X(arp_malformed, "packets", "ARP packet that is truncated or nonsense")                                            \
    X(ip_truncated, "packets", "IP packet longer than its frame")                                                      \
    X(ip_bad_header, "packets", "IP version, header length or total length impossible")                                \
    X(ip_bad_checksum, "packets", "IPv4 header checksum wrong")                                                        \
    X(ip_bad_source, "packets", "source address that no host may have: loopback, reserved")                            \
    X(ip_source_unspecified, "packets", "source 0.0.0.0/8 or ::")                                                      \
    X(ip_source_multicast, "packets", "a group as the source")                                                         \
    X(ip_source_broadcast, "packets", "a broadcast address as the source")                                             \
    X(ip_own_source, "packets", "our own address as the source (LAND)")                                                \
    X(ip_broadcast, "packets", "TCP or echo request to a broadcast or multicast address")                              \
    X(ip_source_route, "packets", "source-route option [RFC 9293 MUST-51]")                                            \
    X(ip_bad_option, "packets", "IPv4 option that does not fit its header")                                            \
    X(ip_bad_extension, "packets", "IPv6 extension header chain truncated, too long or in the wrong order")            \
    X(ip_fragments, "packets", "fragments received")                                                                   \
    X(ip_fragment_refused, "packets", "fragment tiny, misaligned, too large or without room")                          \
    X(ip_fragment_overlap, "packets", "fragment that overlaps another: the datagram is dropped [RFC 5722]")            \
    X(ip_reassembled, "packets", "datagrams made whole")                                                               \
    X(ip_reassembly_timeout, "packets", "datagrams given up")                                                          \
    X(icmp_in, "packets", "ICMP and ICMPv6 messages received")                                                         \
    X(icmp_malformed, "packets", "ICMP message truncated, or with a wrong checksum")                                   \
    X(icmp_ignored, "packets", "ICMP error whose quoted segment is not in flight or not ours [RFC 5927]")              \
    X(icmp_soft_error, "packets", "ICMP error taken as a hint")                                                        \
    X(icmp_too_big, "packets", "packet too big that was honoured")                                                     \
    X(icmp_out, "packets", "ICMP messages sent")                                                                       \
    X(neighbor_solicited, "packets", "ARP requests and neighbour solicitations sent")                                  \
    X(neighbor_malformed, "packets", "neighbour discovery message that fails RFC 4861's checks")                       \
    X(neighbor_no_answer, "packets", "packets dropped as nobody answers for the next hop")                             \
    X(no_route, "packets", "packets that no route takes")                                                              \
    /* filters: silence in any case */                                                                                 \
    X(filter_blocked, "packets", "refused: its source is blocked")                                                     \
    X(filter_denied, "packets", "refused: its source is on a list of those denied")                                    \
    X(filter_not_allowed, "segments", "refused: its source is not among those that the service allows")                \
    X(filter_rule, "packets", "refused by a rule")                                                                     \
    X(filter_default, "segments", "refused: no rule allows it")                                                        \
    X(filter_sharing, "segments", "refused: a port of file sharing, from outside, that nobody declared")               \
    X(filter_bogon, "packets", "refused: its source belongs to nobody on the public network [RFC 6890]")               \
    X(filter_bogon_seen, "packets", "let through although its source belongs to nobody")                               \
    X(filter_reverse_path, "packets", "refused: answers would not go where it came from [RFC 3704]")                   \
    X(filter_ttl, "packets", "refused: a TTL that a neighbour would not send [RFC 5082]")                              \
    X(filter_established, "segments", "let through although refused: the connection is older than the rule")           \
    X(filter_egress, "connections", "not opened: no rule allows it")                                                   \
    /* segments */                                                                                                     \
    X(segments_in, "segments", "TCP segments that parsed")                                                             \
    X(segments_out, "segments", "TCP segments written")                                                                \
    X(tcp_truncated, "segments", "shorter than its header says")                                                       \
    X(tcp_bad_header, "segments", "data offset below 5 or past the end")                                               \
    X(tcp_bad_checksum, "segments", "TCP checksum wrong [RFC 9293 MUST-3]")                                            \
    X(tcp_bad_option, "segments", "option length 0, 1 or past the header: the options after it are ignored")           \
    X(tcp_port_zero, "segments", "port 0")                                                                             \
    /* at the door: no connection */                                                                                   \
    X(syn_received, "segments", "bare SYNs for a listener")                                                            \
    X(syn_duplicate, "segments", "SYN of a half-open that exists already")                                             \
    X(syn_cached, "half-opens", "SYN cache entries made")                                                              \
    X(syn_cache_evicted, "half-opens", "half-opens that gave way to newer ones")                                       \
    X(syn_cache_timeout, "half-opens", "half-opens that nobody acknowledged")                                          \
    X(syn_cache_reset, "half-opens", "half-opens ended by their peer's RST")                                           \
    X(syn_cache_listener_closed, "half-opens", "half-opens reset as their listener closed")                            \
    X(syn_cache_full, "segments", "SYN refused: no room in the SYN cache")                                             \
    X(syn_accept_queue_full, "segments", "SYN refused: the accept queue is full")                                      \
    X(syn_odd_flags, "segments", "SYN with FIN, RST or URG at a listener")                                             \
    X(syn_ack_sent, "segments", "SYN-ACKs sent first")                                                                 \
    X(syn_ack_resent, "segments", "SYN-ACKs sent again")                                                               \
    X(handshake_done, "connections", "passive connections opened")                                                     \
    X(handshake_bad_ack, "segments", "segment at a half-open that does not acknowledge our SYN")                       \
    X(handshake_accept_queue_full, "segments", "last ACK of a handshake dropped: accept queue full")                   \
    X(handshake_no_connection, "segments", "last ACK of a handshake dropped: connection limit")                        \
    X(accept_queue_left, "connections", "ended before the user of their listener took them")                           \
    X(syn_cookie_sent, "segments", "SYN-ACKs that kept no memory: cookies")                                            \
    X(syn_source_limited, "segments", "SYN whose prefix has used up its share of the SYN cache")                       \
    X(syn_capped, "segments", "SYN without an answer: the cap of SYN-ACKs a second")                                   \
    X(syn_without_timestamps, "segments", "SYN without timestamps refused under pressure")                             \
    X(cookie_opened, "connections", "passive connections opened by a cookie")                                          \
    X(cookie_bad, "segments", "ACK that opens no cookie while some may be outstanding: silence")                       \
    X(cookie_unseen, "segments", "good cookie without timestamps from a peer that sent no SYN lately")                 \
    X(cookie_replayed, "segments", "ACK of a cookie whose connection has been and gone")                               \
    X(pressure_strained, "changes", "a listener came under strain")                                                    \
    X(pressure_flooded, "changes", "a listener came under a flood")                                                    \
    X(pressure_calmed, "changes", "a listener was calm again")                                                         \
    X(would_refuse, "segments", "what listeners that only observe would have refused")                                 \
    X(stray_ack, "segments", "ACK to no connection")                                                                   \
    X(stray_syn, "segments", "SYN to a port that is not open")                                                         \
    X(stray_rst, "segments", "RST to no connection")                                                                   \
    X(stray_other, "segments", "segment without SYN, ACK or RST to no connection")                                     \
    X(odd_null, "segments", "no flag at all, to no connection")                                                        \
    X(odd_fin, "segments", "FIN without ACK, to no connection")                                                        \
    X(odd_xmas, "segments", "FIN, PSH and URG without ACK, to no connection")                                          \
    X(odd_syn_fin, "segments", "SYN and FIN, to no connection")                                                        \
    X(odd_syn_rst, "segments", "SYN and RST, to no connection")                                                        \
    X(odd_syn_text, "segments", "SYN that carries text, to no connection")                                             \
    X(odd_push, "segments", "text with an ACK to no connection, as some middleboxes make it")                          \
    X(odd_flags, "segments", "another set of flags without SYN, ACK and RST, to no connection")                        \
    X(scans_told, "events", "prefixes reported for trying many closed ports or odd flags")                             \
    X(stray_over_budget, "segments", "reset not sent: budget used up")                                                 \
    X(challenge_over_budget, "segments", "ACK to a half-open or TIME-WAIT not sent: budget used up")                   \
    X(icmp_over_budget, "packets", "ICMP error or echo reply not sent: budget used up")                                \
    X(resets_sent, "segments", "RSTs sent")                                                                            \
    X(outbox_dropped, "segments", "replies dropped as the outbox was full")                                            \
    /* connections */                                                                                                  \
    X(active_opens, "connections", "connections opened by hf_connect")                                                 \
    X(connections_refused, "connections", "our SYN was answered by RST")                                               \
    X(connections_reset, "connections", "ended by the peer's RST")                                                     \
    X(connections_aborted, "connections", "ended by our RST")                                                          \
    X(connections_timed_out, "connections", "ended by a timeout")                                                      \
    X(connections_unreachable, "connections", "our SYN was answered by an ICMP error")                                        \
    X(connections_closed, "connections", "ended in order")                                                             \
    X(watch_zero_window, "connections", "released near a limit: the peer kept its window closed [RFC 6429]")           \
    X(watch_slow, "connections", "released near a limit: the peer took next to nothing")                               \
    X(watch_unacknowledged, "connections", "released near a limit: the peer acknowledged nothing")                     \
    X(watch_closing, "connections", "released near a limit: FIN-WAIT-1, CLOSING or LAST-ACK without progress")         \
    X(watch_fin_wait_2, "connections", "released near a limit: FIN-WAIT-2 without progress")                           \
    X(watch_idle, "connections", "released near a limit: nothing was said for long")                                   \
    X(watch_spared, "connections", "near a limit, but they made progress")                                             \
    X(rst_outside_window, "segments", "RST outside the window: ignored [RFC 5961 3.2]")                                \
    X(rst_challenged, "segments", "RST in the window but not at its edge: challenged [RFC 5961 3.2]")                  \
    X(syn_challenged, "segments", "SYN at a connection: challenged [RFC 5961 4.2]")                                    \
    X(ack_challenged, "segments", "ACK outside what may be acknowledged [RFC 5961 5.2]")                               \
    X(challenge_throttled, "segments", "challenge ACK not sent: the connection's throttle")                            \
    X(segment_out_of_window, "segments", "not acceptable: answered by an ACK")                                         \
    X(segment_paws, "segments", "timestamp too old [RFC 7323 5.3]")                                                    \
    X(segment_no_timestamp, "segments", "timestamp missing though agreed: dropped [RFC 7323 3.2]")                     \
    X(segment_no_ack, "segments", "ACK bit off in a synchronized state")                                               \
    X(segment_bad_ack, "segments", "ACK that SYN-SENT cannot accept")                                                  \
    X(segment_no_syn, "segments", "neither SYN nor RST in SYN-SENT")                                                                   \
    X(simultaneous_refused, "segments", "bare SYN that met our own SYN at a port that listens")                        \
    X(segment_after_close, "segments", "text for a connection that its user has closed: reset")                        \
    X(segment_duplicate, "segments", "old text received again")                                                        \
    X(segment_out_of_order, "segments", "text ahead of what is expected, kept")                                        \
    X(out_of_order_dropped, "segments", "text ahead of what is expected, no room")                                     \
    X(out_of_order_reclaimed, "bytes", "text given up again for want of memory")                                       \
    X(receive_no_memory, "segments", "text in order dropped: the pool is empty")                                       \
    X(bytes_received, "bytes", "text delivered in order")                                                              \
    X(bytes_acknowledged, "bytes", "text acknowledged by peers")                                                       \
    X(duplicate_acks, "segments", "duplicate ACKs received")                                                           \
    X(fast_retransmits, "segments", "losses repaired after three duplicate ACKs")                                      \
    X(retransmit_timeouts, "timeouts", "retransmission timeouts")                                                      \
    X(segments_resent, "segments", "segments sent again")                                                              \
    X(window_probes, "segments", "zero-window probes sent")                                                            \
    X(keepalive_probes, "segments", "keep-alive probes sent")                                                          \
    X(delayed_acks, "segments", "ACKs sent by the delayed-ACK timer")                                                  \
    X(acks_sent, "segments", "segments without text, SYN, FIN or RST")                                                 \
    X(urgent_received, "segments", "segments with the URG bit")                                                        \
    /* signed segments */                                                                                              \
    X(auth_verified, "segments", "signatures that were right")                                                         \
    X(auth_signed, "segments", "segments signed")                                                                      \
    X(auth_syn_missing, "segments", "SYN without the signature that its peer or port needs: silence [RFC 5925 7.3]")   \
    X(auth_missing, "segments", "other segment without the signature that its peer needs: silence")                    \
    X(auth_wrong, "segments", "signature wrong: silence [RFC 5925 7.3]")                                               \
    X(auth_no_key, "segments", "signed with a key that is not here: silence")                                          \
    X(auth_length, "segments", "signature of another length than its key makes: silence")                              \
    X(auth_both, "segments", "two signatures, or one that is no signature: silence [RFC 5925 2.2]")                    \
    X(auth_stray, "segments", "of a peer with a key, to no connection: silence")                                       \
    X(auth_mute, "segments", "not sent: the last key of its connection was removed")                                   \
    X(auth_no_room, "connections", "not opened: max_signed is reached")                                                \
    X(auth_icmp_ignored, "packets", "ICMP errors about signed connections: ignored [RFC 5925 7.8]")                    \
    /* TIME-WAIT */                                                                                                    \
    X(time_waits, "connections", "TIME-WAIT records made")                                                             \
    X(time_wait_evicted, "connections", "TIME-WAIT records that gave way to newer ones")                               \
    X(time_wait_reused, "connections", "TIME-WAIT ended by a new SYN [RFC 6191]")                                      \
    X(time_wait_rst_ignored, "segments", "RST in TIME-WAIT [RFC 1337]")                                                \
    X(time_wait_released, "connections", "TIME-WAIT ended by a RST that answers our challenge")                        \
    X(time_wait_segments, "segments", "segments that met a TIME-WAIT record")
/* clang-format on */

enum hf_stat {
#define HF_STAT_ENUM(name, unit, meaning) HF_STAT_##name,
    HF_STATS(HF_STAT_ENUM)
#undef HF_STAT_ENUM
        HF_STAT_COUNT
};

struct hf_stats {
#define HF_STAT_FIELD(name, unit, meaning) uint64_t name;
    HF_STATS(HF_STAT_FIELD)
#undef HF_STAT_FIELD
};

/* How much of each limit is in use now. */
struct hf_gauges {
    /* By state; half-opens are SYN-RECEIVED, TIME-WAIT records TIME-WAIT. */
    uint32_t connections[HF_STATES];
    uint32_t half_opens, max_half_opens;
    uint32_t connections_used, max_connections;
    uint32_t time_waits, max_time_waits; /* records: TIME-WAITs, and what cookies leave */
    uint32_t listeners, neighbors, reassemblies;
    uint64_t pool_used_bytes, pool_bytes;
    uint64_t memory_bytes;
};

/* The stack's counters; valid as long as the stack. */
HF_API const struct hf_stats *hf_stats(const struct hf_stack *stack);
HF_API void hf_gauges(const struct hf_stack *stack, struct hf_gauges *gauges);

/* Name, unit and meaning of a counter; "?" for a number that is none. */
HF_API const char *hf_stat_name(enum hf_stat stat);
HF_API const char *hf_stat_unit(enum hf_stat stat);
HF_API const char *hf_stat_meaning(enum hf_stat stat);

#ifdef __cplusplus
}
#endif

#endif
