/* One line of the log in the forms that a destination wants. [systemd: Native Journal Protocol] */
#ifndef HF_GUARD_LOG_FORM_H
#define HF_GUARD_LOG_FORM_H

#include "guard/log.h"

#include <stddef.h>

#define LOG_LINE_MAX 2048

/* All write at most LOG_LINE_MAX bytes without a final zero and return the length; what is too long is cut. Control
 * characters become spaces: one fact stays one line. wall_us: microseconds since 1970. */
size_t log_form_text(char line[LOG_LINE_MAX], const char *text);
size_t log_form_json(char line[LOG_LINE_MAX], const struct log_about *about, const char *text,
                     int64_t wall_us);
size_t log_form_journal(char line[LOG_LINE_MAX], const struct log_about *about, const char *text);

#endif
