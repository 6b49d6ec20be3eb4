/* Which address we connect to a backend from. One address has 28,000 ports towards one backend (ip_local_port_range); more
 * connections need more addresses. Ports are chosen at connect, not at bind [ip(7): IP_BIND_ADDRESS_NO_PORT], so that each
 * address has all of them for each backend. */
#ifndef HF_GUARD_SOURCE_H
#define HF_GUARD_SOURCE_H

#include "guard/backend.h"
#include "guard/service.h"

#define SOURCE_LOOPBACKS 250u /* 127.0.0.1 and so many following ones: seven million ports */
#define SOURCE_TRIES 8u       /* addresses tried for one connection */

/* How many there are to try: at least 1. */
uint32_t source_count(const struct config_backend *config);

/* The one for attempt `attempt` (0 ...) of a connection. */
struct backend_source source_choose(const struct service_backend *backend, uint32_t attempt);

/* After attempt `attempt` decided: configured addresses take turns, loopback ones are used until one has no port left. */
void source_used(struct service_backend *backend, uint32_t attempt);

/* From the client's own address and port, or with another port of his address. */
struct backend_source source_transparent(const struct hf_endpoint *client, bool same_port);

#endif
