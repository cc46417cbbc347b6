"""Which units one statement makes, or drops, together.

A table comes with its columns, defaults and constraints, and goes with all that hangs on it; unless one of them stands
on something that itself stands on the table: then it stays a statement of its own, and the circle is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mcp_server.planning.units import Key

Needs = Callable[[Key], Iterable[Key]]


class Bundles:
    """Units and the host whose statement carries them; a unit without another host is its own.

    units: those to be made, or those to be dropped. needs: what each stands on.
    """

    def __init__(self, units: Iterable[Key], needs: Needs) -> None:
        self._units = frozenset(units)
        self._needs = needs
        self._host = {name: name for name in self._units}
        self._members: dict[Key, list[Key]] = {name: [name] for name in self._units}

    def host(self, name: Key) -> Key:
        """The unit whose statement carries this one."""
        return self._host.get(name, name)

    def hosts(self) -> list[Key]:
        """Every unit that has a statement."""
        return [name for name in self._members if self._members[name]]

    def members(self, host: Key) -> list[Key]:
        """The units that a host's statement carries, the host itself first."""
        return self._members[host]

    def join(self, name: Key, host: Key) -> None:
        """Carry a unit, and what it carries, in another's statement, whatever it stands on."""
        target = self.host(host)
        if target not in self._members or self._host[name] == target:
            return
        moved = self._members[self._host[name]]
        self._members[self._host[name]] = []
        for member in moved:
            self._host[member] = target
        self._members[target] += moved

    def join_where_free(self, pairs: Iterable[tuple[Key, Key]]) -> None:
        """Carry each unit in its host's statement unless that would close a circle. Earlier pairs come first."""
        wanted = [(name, host) for name, host in pairs if name in self._units and host in self._units]
        circles = self._circles(wanted)
        for name, host in wanted:
            if self.host(host) not in circles or not self._closes_circle(name, self.host(host)):
                self.join(name, host)

    def _circles(self, pairs: list[tuple[Key, Key]]) -> frozenset[Key]:
        """The hosts that would lie on a circle if every pair were joined: elsewhere no check is needed."""
        wanted = {self.host(name): self.host(host) for name, host in pairs}

        def final(name: Key) -> Key:
            seen = {name}
            while (following := wanted.get(self.host(name))) is not None and following not in seen:
                seen.add(following)
                name = following
            return self.host(name)

        edges: dict[Key, set[Key]] = {}
        for name in self._units:
            edges.setdefault(final(name), set()).update(final(one) for one in self._needs(name) if one in self._units)
        for host, used in edges.items():
            used.discard(host)
        return on_circles(edges)

    def _closes_circle(self, name: Key, host: Key) -> bool:
        """True when something that the unit stands on stands on the host."""
        seen: set[Key] = set()
        own = self.host(name)
        waiting = [other for other in self._used(own) if other not in (host, own)]
        while waiting:
            one = waiting.pop()
            if one == host:
                return True
            if one not in seen:
                seen.add(one)
                waiting += self._used(one)
        return False

    def _used(self, host: Key) -> set[Key]:
        used = (one for member in self._members[host] for one in self._needs(member))
        return {self._host[one] for one in used if one in self._units} - {host}


def on_circles(edges: dict[Key, set[Key]]) -> frozenset[Key]:
    """The nodes of every strongly connected component of more than one node (Tarjan's algorithm, without recursion)."""
    index: dict[Key, int] = {}
    low: dict[Key, int] = {}
    stack: list[Key] = []
    on_stack: set[Key] = set()
    found: set[Key] = set()
    for root in edges:
        walk = [(root, iter(edges.get(root, ())))] if root not in index else []
        while walk:
            node, following = walk[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            for other in following:
                if other not in index:
                    walk.append((other, iter(edges.get(other, ()))))
                    break
                if other in on_stack:
                    low[node] = min(low[node], index[other])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                if low[node] == index[node]:
                    found |= _component(node, stack, on_stack)
    return frozenset(found)


def _component(root: Key, stack: list[Key], on_stack: set[Key]) -> set[Key]:
    component: set[Key] = set()
    while True:
        node = stack.pop()
        on_stack.discard(node)
        component.add(node)
        if node == root:
            return component if len(component) > 1 else set()
