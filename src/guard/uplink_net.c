/* handfast guard --net: what an uplink needs of the host, shown, made and removed without a guard. [ip(8); nft(8)] */
#include "guard/link.h"
#include "guard/netfilter.h"
#include "guard/transparent.h"
#include "guard/uplink_parts.h"
#include "os/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

SYSCALLS_AT_START("openat ioctl close");

static bool is_port_mode(const struct config *config)
{
    return config->uplink.mode == CONFIG_MODE_PORT;
}

static void name_parts(struct uplink *uplink, const struct config *config)
{
    *uplink = (struct uplink){.config = config, .monitor.fd = -1};
    uplink_tap_name(&config->uplink, uplink->tap_name);
    if (is_port_mode(config))
        snprintf(uplink->interface, sizeof uplink->interface, "%.15s", config->uplink.name);
}

/* ---- the TAP ---- */

/* Opens the TAP, which makes it if it is not there. -1: `error` says why. */
static int open_tap(const struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    memcpy(request.ifr_name, uplink->tap_name, sizeof request.ifr_name);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) == 0)
        return fd;
    if (errno == EBUSY)
        uplink_refuse(error, "the TAP %s is held by a guard: it has what it needs; end it first",
                      uplink->tap_name);
    else if (errno == EINVAL)
        uplink_refuse(error,
                      "%s is a running guard's, which is to be ended first, or no TAP at all",
                      uplink->tap_name);
    else
        uplink_refuse(error, "the TAP %s: %s", uplink->tap_name, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The user that guards become, and who may then open the TAP. */
static bool owner_of(const struct config *config, uid_t *id)
{
    const struct passwd *user = config->user[0] != '\0' ? getpwnam(config->user) : NULL;

    if (user != NULL)
        *id = user->pw_uid;
    return user != NULL;
}

static bool make_tap(const struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    int fd = open_tap(uplink, error);
    uid_t owner;
    bool ok;

    if (fd < 0)
        return false;
    ok = ioctl(fd, TUNSETPERSIST, 1) == 0 &&
         (!owner_of(uplink->config, &owner) || ioctl(fd, TUNSETOWNER, (unsigned long)owner) == 0);
    if (!ok)
        uplink_refuse(error, "the TAP %s: %s", uplink->tap_name, strerror(errno));
    close(fd);
    return ok;
}

static bool remove_tap(const struct uplink *uplink, char error[UPLINK_ERROR_MAX])
{
    struct network_link link;
    bool ok;
    int fd;

    if (network_link(uplink->tap_name, &link) == HF_NO_DEVICE)
        return true;
    fd = open_tap(uplink, error);
    if (fd < 0)
        return false;
    ok = ioctl(fd, TUNSETPERSIST, 0) == 0 ||
         uplink_refuse(error, "the TAP %s: %s", uplink->tap_name, strerror(errno));
    close(fd);
    return ok;
}

/* ---- the table that drops ---- */

static char *drop_commands(const struct uplink *uplink, bool on, char error[UPLINK_ERROR_MAX])
{
    struct uplink_ports ports;
    struct netfilter_ports words = {
        .interface = uplink->interface, .tap = uplink->tap_name, .at = ports.at};
    char *commands = NULL;
    size_t length = 0;
    FILE *out;

    if (on && !uplink_port_list(uplink, uplink->config, &ports, error))
        return NULL;
    words.count = on ? ports.count : 0;
    out = open_memstream(&commands, &length);
    if (out != NULL && on)
        netfilter_print_drop(out, &words);
    else if (out != NULL)
        netfilter_print_no_drop(out, uplink->interface);
    if (out == NULL || fclose(out) != 0) {
        uplink_refuse(error, "no memory for a table");
        free(commands);
        return NULL;
    }
    return commands;
}

static bool set_drop(const struct uplink *uplink, bool on, char error[UPLINK_ERROR_MAX])
{
    char *commands = drop_commands(uplink, on, error);
    struct netfilter *netfilter;
    bool ok;

    if (commands == NULL)
        return false;
    netfilter = netfilter_open(error);
    ok = netfilter != NULL && netfilter_run(netfilter, commands, error);
    netfilter_close(netfilter);
    free(commands);
    return ok;
}

/* ---- up and down ---- */

bool uplink_up(const struct config *config, char error[UPLINK_ERROR_MAX])
{
    struct uplink uplink;

    name_parts(&uplink, config);
    if (is_port_mode(config) && !uplink_port_look(&uplink, error))
        return false;
    if (!make_tap(&uplink, error))
        return false;
    if (is_port_mode(config)) {
        if (!uplink_port_prepare(&uplink, error) ||
            !set_drop(&uplink, config->uplink.when_stopped == CONFIG_STOPPED_DROP, error))
            return false;
    } else {
        if (config->uplink.host_address.count > 0)
            link_skip_duplicate_detection(uplink.tap_name);
        if (!uplink_address_prepare(&config->uplink, uplink.tap_name, error))
            return false;
    }
    return transparent_up(config, TRANSPARENT_OPERATOR, error);
}

bool uplink_down(const struct config *config, char error[UPLINK_ERROR_MAX])
{
    struct uplink uplink;

    name_parts(&uplink, config);
    if (!remove_tap(&uplink, error))
        return false;
    transparent_down(config, TRANSPARENT_OPERATOR);
    transparent_down(config, TRANSPARENT_GUARD); /* of one that was killed */
    return !is_port_mode(config) || set_drop(&uplink, false, error);
}

/* ---- in words ---- */

static void show_table(const struct netfilter_ports *ports,
                       void (*print)(FILE *, const struct netfilter_ports *), FILE *out)
{
    fputs("nft -f - <<'END'\n", out);
    print(out, ports);
    fputs("END\n", out);
}

static void print_redirect(FILE *out, const struct netfilter_ports *ports)
{
    netfilter_print_redirect(out, ports, false);
}

static void show_port(struct uplink *uplink, FILE *out)
{
    char error[UPLINK_ERROR_MAX], text[HF_ADDRESS_TEXT_MAX], to[HF_ADDRESS_TEXT_MAX];
    struct uplink_ports ports;
    struct netfilter_ports words = {
        .interface = uplink->interface, .tap = uplink->tap_name, .at = ports.at};

    if (!uplink_port_look(uplink, error) ||
        !uplink_port_list(uplink, uplink->config, &ports, error)) {
        fprintf(out, "# %s\n", error);
        return;
    }
    words.count = ports.count;
    fprintf(out,
            "ip link set dev %s addrgenmode none\n"
            "ip link set dev %s mtu %u txqueuelen %d up\n",
            uplink->tap_name, uplink->tap_name,
            uplink->link.mtu < uplink->config->uplink.mtu ? uplink->link.mtu
                                                          : uplink->config->uplink.mtu,
            LINK_QUEUE_PACKETS);
    if (uplink->config->uplink.when_stopped == CONFIG_STOPPED_DROP) {
        fputs("# when_stopped = drop: what no guard redirects is dropped\n", out);
        show_table(&words, netfilter_print_drop, out);
    }
    fputs("\n# A running guard makes this table itself, with `flags owner`: it ends with the "
          "guard.\n",
          out);
    show_table(&words, print_redirect, out);
    for (uint32_t i = 0; i < uplink->route_count; i++)
        fprintf(out, "# learned: %s/%u via %s\n",
                hf_address_format(text, &uplink->routes[i].to.address), uplink->routes[i].to.length,
                hf_address_format(to, &uplink->routes[i].gateway));
}

void uplink_show(const struct config *config, FILE *out)
{
    struct uplink uplink;
    uid_t owner;

    name_parts(&uplink, config);
    fprintf(out, "# what `handfast guard --net up` makes, as commands; a guard that may makes it "
                 "for itself\n");
    fprintf(out, "ip tuntap add dev %s mode tap vnet_hdr%s%s\n", uplink.tap_name,
            owner_of(config, &owner) ? " user " : "", owner_of(config, &owner) ? config->user : "");
    if (transparent_show(config, out))
        fputs("# (transparent backends: the answers of their servers come back to the guard)\n",
              out);
    if (is_port_mode(config))
        show_port(&uplink, out);
    else
        uplink_address_show(&config->uplink, uplink.tap_name, out);
}
