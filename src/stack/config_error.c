/* hf_config_error: apart from the checks, so that a program that never asks for the sentences does not hold them. */
#include "stack/config.h"

#define SENTENCE(name, sentence) [CONFIG_##name] = sentence,

const char *hf_config_error(const struct hf_config *config)
{
    static const char *const sentences[] = {CONFIG_FAULTS(SENTENCE)};

    return sentences[config_find_fault(config)];
}
