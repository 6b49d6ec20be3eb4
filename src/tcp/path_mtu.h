/* What ICMP may tell a connection, and how far it is believed. [RFC 1191, RFC 8201, RFC 5927] */
#ifndef TCP_PATH_MTU_H
#define TCP_PATH_MTU_H

#include "tcp/tcp.h"

/* A claim that was not believed at once is believed when a segment times out. [RFC 5927 7.2] */
void path_mtu_on_timeout(struct tcb *tcb);

#endif
