"""The network that an address is in: what one person may have many addresses of, and an office has one of for all.

A /24 of IPv4, the first 48 bits of IPv6. Budgets are kept for networks, and standbys are chosen from different ones.
"""

import ipaddress

from meshcast.protocol.tickets import Ticket
from meshcast.protocol.units import Address


def network_of(address: Address) -> int:
    """Number the network that an address is in; 0 for what is no address."""
    try:
        host = ipaddress.ip_address(address[0])
    except ValueError:
        return 0
    return int(host) >> 8 if host.version == 4 else int(host) >> 80


def prefix_of(ticket: Ticket) -> str:
    """Name the network that a peer was seen in: /24 of IPv4, /48 of IPv6; empty when it was not."""
    if not ticket.addresses:
        return ""
    try:
        host = ipaddress.ip_address(ticket.addresses[0][0])
    except ValueError:
        return ticket.addresses[0][0]
    return str(ipaddress.ip_network((host, 24 if host.version == 4 else 48), strict=False))
