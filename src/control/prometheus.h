/* Everything that a guard counts, as Prometheus reads it: text, version 0.0.4. [Prometheus exposition formats] */
#ifndef CONTROL_PROMETHEUS_H
#define CONTROL_PROMETHEUS_H

#include "guard/guard.h"

/* The whole page, to be free()d; NULL: no memory. Every counter of stats.h is handfast_NAME_total; what is counted for a
 * service, a backend or a listener carries its labels. */
char *prometheus_text(const struct guard *guard, int64_t now_us);

/* The same as an http_page: `context` is the guard. */
char *prometheus_page(void *context);

#endif
