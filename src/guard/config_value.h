/* One value of a configuration, from text and to text. */
#ifndef HF_GUARD_CONFIG_VALUE_H
#define HF_GUARD_CONFIG_VALUE_H

#include "guard/config_keys.h"

#define CONFIG_VALUE_TEXT_MAX 400

/* Writes the value of `key` into its section's struct; a list gets one more item, with its line. False: the text is no
 * value of this key, and nothing was written. */
bool config_value_parse(const struct config_key *key, void *section, const char *text, int line);

/* What config_value_parse accepts, in words. */
void config_value_accepted(const struct config_key *key, char words[CONFIG_VALUE_TEXT_MAX]);

/* The text of a value, `index` into a list; quoted where the syntax needs it. */
void config_value_format(const struct config_key *key, const void *section, uint32_t index,
                         char text[CONFIG_VALUE_TEXT_MAX]);

/* The host of a target's "name:port", without its port. */
const char *config_target_host(const struct config_target *target, char host[CONFIG_HOST_MAX]);

#endif
