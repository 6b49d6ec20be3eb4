/* "drain SERVICE", "resume SERVICE": a service out of use for a while, without a change of the file. */
#include <string.h>

#include <handfast/os.h>

#include "control/commands.h"
#include "control/describe.h"
#include "control/filter_text.h"

/* The service that the request names; NULL: *refusal says why not. */
static struct service *service_of(struct guard *guard, const json_t *request, json_t **refusal)
{
    const char *command = json_string_value(json_object_get(request, "command"));
    const char *name = request_word(request, 0);
    struct service *service;

    if (name == NULL || request_words(request) != 1) {
        *refusal = control_error("%s needs the name of one service", command);
        return NULL;
    }
    service = service_find(&guard->relays, name);
    if (service != NULL)
        return service;
    json_t *names = json_array();
    for (uint32_t i = 0; i < guard->relays.service_count; i++)
        if (describe_service_at(guard, i) != NULL)
            json_array_append_new(names, json_string(describe_service_at(guard, i)->config->name));
    *refusal = control_error("there is no service %.40s", name);
    json_object_set_new(*refusal, "services", names);
    return NULL;
}

static json_t *drain(void *context, const json_t *request)
{
    struct guard *guard = context;
    int64_t now_us = hf_os_now_us();
    json_t *refusal = NULL;
    struct service *service = service_of(guard, request, &refusal);

    if (service == NULL)
        return refusal;
    service_drain(&guard->relays, service, now_us);
    return json_pack("{s:s, s:I}", "drained", service->config->name, "active",
                     (json_int_t)service->active);
}

static json_t *resume(void *context, const json_t *request)
{
    struct guard *guard = context;
    int64_t now_us = hf_os_now_us();
    json_t *refusal = NULL;
    struct service *service = service_of(guard, request, &refusal);

    if (service == NULL)
        return refusal;
    if (guard->life != GUARD_SERVING)
        return control_error("the guard is ending: nothing is resumed");
    int error = service_resume(&guard->relays, service, now_us);
    if (error != HF_OK)
        return control_error("service %s cannot listen again: %s", service->config->name,
                             hf_error_text(error));
    return json_pack("{s:s, s:I}", "resumed", service->config->name, "active",
                     (json_int_t)service->active);
}

void command_drain_register(struct control_server *server, struct guard *guard)
{
    control_server_register(server, "drain", drain, guard);
    control_server_register(server, "resume", resume, guard);
}
