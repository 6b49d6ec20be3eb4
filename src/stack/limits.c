/* What of a stack's configuration may change while it runs: limits that cost no memory. */
#include "stack/config.h"
#include "stack/stack.h"

int hf_change_limits(struct hf_stack *stack, const struct hf_limits *limits)
{
    const uint32_t per_s[BUDGETS] = {
        [BUDGET_RESET] = limits->reset_budget_per_s,
        [BUDGET_CHALLENGE] = limits->challenge_budget_per_s,
        [BUDGET_ICMP] = limits->icmp_budget_per_s,
    };
    struct hf_config config = stack->config;

    if ((limits->stall_timeout_ms == 0) != (config.stall_timeout_ms == 0))
        return HF_INVALID;
    config.reset_budget_per_s = limits->reset_budget_per_s;
    config.challenge_budget_per_s = limits->challenge_budget_per_s;
    config.icmp_budget_per_s = limits->icmp_budget_per_s;
    config.stall_timeout_ms = limits->stall_timeout_ms;
    config.scan_ports = limits->scan_ports;
    if (config_find_fault(&config) != CONFIG_POSSIBLE)
        return HF_INVALID;

    stack->config = config;
    for (int kind = 0; kind < BUDGETS; kind++)
        budget_change(&stack->budgets[kind], per_s[kind]);
    stack->watch.stall_ms = limits->stall_timeout_ms;
    if (stack->scan)
        stack->scan->ports = limits->scan_ports;
    return HF_OK;
}
