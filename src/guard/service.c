/* The listeners of a service. */
#include "guard/service.h"

int service_open(struct service *service, struct hf_stack *stack, uint32_t index, uint32_t *item)
{
    const struct config_service *config = service->config;
    struct hf_listen_options options = {
        .backlog = config->backlog,
        .half_open_limit = config->half_open_limit,
        .half_open_timeout_ms = config->half_open_timeout_ms,
        .syn_ack_retries = config->syn_ack_retries == 0 ? -1 : (int8_t)config->syn_ack_retries,
        .on_timeout = config->on_timeout == CONFIG_RESET ? 1 : -1,
        .source_limit = config->half_open_per_prefix,
        .syn_ack_cap_per_s = config->syn_ack_cap,
        .cookies = (uint8_t)config->cookies, /* the words stand in the order of the enums */
        .without_timestamps = (uint8_t)config->without_timestamps,
        .when_full = (uint8_t)config->when_full,
        .observe = config->enforce == CONFIG_OBSERVE,
    };

    list_init(&service->connecting);
    list_init(&service->idle);
    for (*item = 0; *item < config->listen.count; ++*item) {
        options.local = config->listen.items[*item].endpoint;
        options.user = service_user(index, *item);
        int error = hf_listen_with(stack, &options, &service->listeners[*item]);
        if (error != HF_OK)
            return error;
    }
    return HF_OK;
}

void service_close(struct service *service, struct hf_stack *stack, int64_t now_us)
{
    for (uint32_t i = 0; i < service->config->listen.count; i++) {
        if (service->listeners[i] != HF_NO_SUCH_SOCKET)
            hf_close(stack, service->listeners[i], now_us);
        service->listeners[i] = HF_NO_SUCH_SOCKET;
        service->acceptable[i] = false;
    }
}
