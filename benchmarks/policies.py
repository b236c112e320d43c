"""One decision over many policies (P5, P6), beside casbin, Cedar and CEL on the same policies with the same answers."""

from __future__ import annotations

import argparse
import gc
import ipaddress
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask_mfa_gate.domain.access import Access
from flask_mfa_gate.domain.authorization.combine import combine
from flask_mfa_gate.domain.authorization.decide import decide
from flask_mfa_gate.domain.authorization.request import AccessRequest
from flask_mfa_gate.domain.authorization.rules import Rules
from flask_mfa_gate.domain.enrollment.enrollment import EnrollmentState
from flask_mfa_gate.domain.policy.condition_tree import And, Condition
from flask_mfa_gate.domain.policy.conditions.registry import BUILT_IN
from flask_mfa_gate.domain.policy.document.effect import Action, Effect
from flask_mfa_gate.domain.policy.document.policy import Policy, PolicySet, PolicyState
from flask_mfa_gate.domain.policy.document.users import Users  # fmt: skip
from flask_mfa_gate.domain.policy.evaluation.compiled_policies import CompiledPolicies, compile_policies
from flask_mfa_gate.domain.policy.facts import Environment, MatchResult, Subject
from flask_mfa_gate.domain.sign_in.assurance import Assurance, SignIn

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
SHAPES = ("selective", "global", "adversarial")
SIZES = (10, 100, 1_000, 10_000)
# The gate reads HEAD where GET stands, so the peers are told of both.
METHODS = (("GET", "HEAD"), ("POST",), ("PATCH", "PUT"), ("DELETE", "GET", "HEAD", "POST", "PUT"))
HOURS = ((0, 24), (8, 18), (9, 17), (6, 22))


@dataclass(frozen=True, slots=True)
class Spec:
    """One policy, in words that every engine can say."""

    group: str
    resource: str
    network: str
    methods: tuple[str, ...]
    hours: tuple[int, int]
    action: Action


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    groups: tuple[str, ...]
    resource: str
    address: str
    method: str
    hour: int


def specs_of(count: int, shape: str) -> list[Spec]:
    draw = random.Random(1)
    groups, nets = (
        max(10, count // 20),
        ["0.0.0.0/0", "10.0.0.0/8", *(f"10.{draw.randrange(256)}.0.0/16" for _ in range(12))],
    )
    return [
        Spec(
            group=f"g{draw.randrange(groups)}" if shape == "selective" else "",
            resource="r0" if shape == "adversarial" else f"r{draw.randrange(200)}",
            network=f"{draw.randrange(1, 220)}.{draw.randrange(256)}.{draw.randrange(256)}.0/24"
            if shape == "adversarial"
            else draw.choice(nets),
            methods=draw.choice(METHODS),
            hours=draw.choice(HOURS),
            action=draw.choices([Action.ALLOW, Action.REQUIRE, Action.DENY], [6, 3, 1])[0],
        )
        for _ in range(count)
    ]


def asks_of(specs: Sequence[Spec], count: int) -> list[Ask]:
    """Half of them are made to meet some policy."""
    draw = random.Random(2)
    groups = max(10, len(specs) // 20)
    asks = []
    for number in range(count):
        own = {f"g{draw.randrange(groups)}" for _ in range(5)}
        spec = draw.choice(specs)
        meets = number % 2 == 0
        if meets and spec.group:
            own.add(spec.group)
        network = ipaddress.ip_network(spec.network)
        address = (
            network[draw.randrange(min(network.num_addresses, 200))]
            if meets
            else ipaddress.ip_address(f"10.{draw.randrange(256)}.1.9")
        )
        hour = draw.randrange(*spec.hours) if meets else draw.randrange(24)
        resource = spec.resource if meets else f"r{draw.randrange(200)}"
        asks.append(Ask(tuple(sorted(own)), resource, str(address), draw.choice(spec.methods), hour))
    return asks


@dataclass(frozen=True, slots=True)
class Engine:
    """Built from the specs, it tells of an ask whether it is allowed and nothing stricter matches.

    :param prepare: puts an ask into the engine's own form; not timed, in favour of the peers.
    """

    prepare: Callable[[Ask], Any]
    answer: Callable[[Any], bool]


def policies_of(specs: Sequence[Spec]) -> PolicySet:
    return PolicySet(tuple(_policy(number, spec) for number, spec in enumerate(specs)))


def megabytes(policies: PolicySet) -> float:
    """What the compiled set takes beside the policies themselves."""
    tracemalloc.start()
    compiled = compile_policies(policies, BUILT_IN, version=1)
    taken, _most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del compiled
    return taken / 1e6


def _policy(number: int, spec: Spec) -> Policy:
    start, end = spec.hours
    hours = {"hours": f"{start:02}:00-{end:02}:00"} if (start, end) != (0, 24) else {}
    parts = (
        Condition("network", (spec.network,)),
        BUILT_IN.read("request", {"methods": list(spec.methods)}, ""),
        BUILT_IN.read("schedule", {"zone": "UTC", **hours}, ""),
    )
    users = Users((f"group:{spec.group}",)) if spec.group else Users()
    return Policy(
        f"p{number:05}",
        Effect(spec.action),
        state=PolicyState.ON,
        users=users,
        resources=(spec.resource,),
        conditions=And(parts),
    )


def plain_loop(compiled: CompiledPolicies) -> Callable[[tuple[str, Subject, Environment]], bool]:
    """The floor: every policy in turn, by the same tests and the same rule."""

    def answer(asked: tuple[str, Subject, Environment]) -> bool:
        resource, subject, facts = asked
        rows = [row for row in compiled.policies if resource in row.resources]
        matches = [row.hit for row in rows if row.mark(subject, facts, {}) is MatchResult.HIT]
        return combine(matches, resource=resource, default=Access.ALLOW).allows

    return answer


def _facts(ask: Ask) -> tuple[Subject, Environment]:
    at = MONDAY + timedelta(hours=ask.hour)
    return Subject("7", frozenset(ask.groups)), Environment(address=ask.address, method=ask.method, at=at)


def gate_engine(compiled: CompiledPolicies) -> Callable[[tuple[str, Subject, Environment]], bool]:
    def answer(asked: tuple[str, Subject, Environment]) -> bool:
        resource, subject, facts = asked
        return combine(
            compiled.matches(subject, resource, facts, _never), resource=resource, default=Access.ALLOW
        ).allows

    return answer


def _never(policy: str, word: str, error: Exception) -> None:
    raise error


def casbin_engine(specs: Sequence[Spec]) -> Engine:
    import casbin

    model = casbin.Model()
    model.load_model_from_text(
        "[request_definition]\nr = groups, res, ip, method, hour\n[policy_definition]\np = group, res, net, methods, start, end, eft\n"
        "[policy_effect]\ne = some(where (p.eft == allow)) && !some(where (p.eft == deny))\n"
        "[matchers]\nm = r.res == p.res && has(r.groups, p.group) && has(p.methods, r.method) && within(r.hour, p.start, p.end) && ipMatch(r.ip, p.net)\n"
    )
    enforcer = casbin.Enforcer(model)
    enforcer.add_function("has", lambda many, one: one == "" or one == "*" or one in many.split(" "))
    enforcer.add_function("within", lambda hour, start, end: int(start) <= int(hour) < int(end))
    enforcer.add_policies(
        [
            # Casbin keeps each rule once, so the number makes equal ones differ.
            [
                spec.group or "*",
                spec.resource,
                spec.network,
                " ".join((*spec.methods, f"#{number}")),
                str(spec.hours[0]),
                str(spec.hours[1]),
                "allow" if spec.action is Action.ALLOW else "deny",
            ]
            for number, spec in enumerate(specs)
        ]
    )
    return Engine(
        lambda ask: (" ".join(ask.groups), ask.resource, ask.address, ask.method, str(ask.hour)),
        lambda asked: bool(enforcer.enforce(*asked)),
    )


def cedar_engine(specs: Sequence[Spec]) -> Engine:
    import json

    import cedarpy

    def text(spec: Spec) -> str:
        effect = "permit" if spec.action is Action.ALLOW else "forbid"
        who = f'principal in Group::"{spec.group}"' if spec.group else "principal"
        methods = ", ".join(f'"{method}"' for method in spec.methods)
        return (
            f'{effect}({who}, action, resource == Res::"{spec.resource}") when {{ context.ip.isInRange(ip("{spec.network}")) '
            f"&& [{methods}].contains(context.method) && context.hour >= {spec.hours[0]} && context.hour < {spec.hours[1]} }};"
        )

    policies = cedarpy.PolicySet.from_str("\n".join(text(spec) for spec in specs))

    def prepare(ask: Ask) -> Any:
        entities = [
            {
                "uid": {"type": "User", "id": "7"},
                "attrs": {},
                "parents": [{"type": "Group", "id": name} for name in ask.groups],
            },
            *({"uid": {"type": "Group", "id": name}, "attrs": {}, "parents": []} for name in ask.groups),
        ]
        request = {
            "principal": 'User::"7"', "action": 'Action::"open"', "resource": f'Res::"{ask.resource}"',
            "context": json.dumps({"ip": {"__extn": {"fn": "ip", "arg": ask.address}}, "method": ask.method, "hour": ask.hour}),
        }  # fmt: skip
        return request, cedarpy.Entities.from_json_str(json.dumps(entities))

    return Engine(prepare, lambda asked: bool(cedarpy.is_authorized(asked[0], policies, asked[1]).allowed))


def cel_engine(specs: Sequence[Spec]) -> Engine:
    import cel

    def text(spec: Spec) -> str:
        network = ipaddress.ip_network(spec.network)
        low, high = int(network.network_address), int(network.broadcast_address)
        group = f'"{spec.group}" in groups && ' if spec.group else ""
        methods = ", ".join(f'"{method}"' for method in spec.methods)
        return (
            f'res == "{spec.resource}" && {group}ip >= {low} && ip <= {high} && method in [{methods}] '
            f"&& hour >= {spec.hours[0]} && hour < {spec.hours[1]}"
        )

    # What forbids comes first, so that the first that matches decides.
    ordered = sorted(specs, key=lambda spec: spec.action is Action.ALLOW)
    programs = [(cel.compile(text(spec)), spec.action is Action.ALLOW) for spec in ordered]

    def prepare(ask: Ask) -> Any:
        address = int(ipaddress.ip_address(ask.address))
        facts = {"groups": list(ask.groups), "res": ask.resource, "ip": address, "method": ask.method, "hour": ask.hour}
        return cel.Context(variables=facts)

    def answer(asked: Any) -> bool:
        return next((allows for program, allows in programs if program.execute(asked)), False)

    return Engine(prepare, answer)


PEERS: dict[str, Callable[[Sequence[Spec]], Engine]] = {
    "casbin": casbin_engine,
    "cedarpy": cedar_engine,
    "CEL": cel_engine,
}


def microseconds(run: Callable[[Any], Any], asked: Sequence[Any], *, least_seconds: float = 0.3) -> float:
    """CPU time of one decision: the middle of five batches."""
    repeats = 1
    while True:
        began = time.process_time()
        for _ in range(repeats):
            for one in asked:
                run(one)
        if time.process_time() - began >= least_seconds / 5 or repeats >= 4096:
            break
        repeats *= 2
    batches = []
    for _ in range(5):
        gc.collect()
        began = time.process_time()
        for _ in range(repeats):
            for one in asked:
                run(one)
        batches.append((time.process_time() - began) / repeats / len(asked) * 1e6)
    return statistics.median(batches)


def whole(compiled: CompiledPolicies) -> Callable[[tuple[str, Subject, Environment]], object]:
    """:func:`decide` with the policies of its resource, as a live request asks."""
    rules = Rules()
    assurance = Assurance(SignIn.PASSWORD, MONDAY)

    def answer(asked: tuple[str, Subject, Environment]) -> object:
        resource, subject, facts = asked
        request = AccessRequest(
            EnrollmentState(subject.key), assurance, resources=(resource,), groups=subject.groups,
            environment=facts,
        )  # fmt: skip
        return decide(request, compiled, rules, now=MONDAY)

    return answer


def explained(compiled: CompiledPolicies) -> Callable[[tuple[str, Subject, Environment]], object]:
    """The decision with its trace, of which the first policy is read."""
    judge = whole(compiled)

    def answer(asked: tuple[str, Subject, Environment]) -> object:
        resource, subject, facts = asked
        return judge(asked), compiled.explain(subject, (resource,), facts, _never)[0]

    return answer


def measure(shape: str, count: int, peers: Sequence[str]) -> dict[str, float]:
    specs = specs_of(count, shape)
    policies = policies_of(specs)
    gc.collect()
    began = time.process_time()
    compiled = compile_policies(policies, BUILT_IN, version=1)
    found = {"build s": time.process_time() - began, "MB": megabytes(policies)}
    asks = asks_of(specs, 200)
    asked = [(ask.resource, *_facts(ask)) for ask in asks]
    own = gate_engine(compiled)
    found["gate"] = microseconds(own, asked)
    found["loop"] = microseconds(plain_loop(compiled), asked[: max(10, 20_000 // count)], least_seconds=0.1)
    found["decide"] = microseconds(whole(compiled), asked)
    found["explained"] = microseconds(explained(compiled), asked)
    found["all traces ms"] = microseconds(
        lambda one: tuple(compiled.explain(one[1], (one[0],), one[2], _never)), asked[:2], least_seconds=0.05
    ) / 1000  # fmt: skip
    few = max(6, min(100, 20_000 // count))
    for name in peers:
        engine = PEERS[name](specs)
        prepared = [engine.prepare(ask) for ask in asks[:few]]
        for ask, one, other in zip(asks, asked, prepared, strict=False):
            assert engine.answer(other) == own(one), (name, ask)
        found[name] = microseconds(engine.answer, prepared, least_seconds=0.1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--without-peers", action="store_true")
    chosen = parser.parse_args()
    peers = [] if chosen.without_peers else list(PEERS)
    for shape in chosen.shape or SHAPES:
        first: dict[str, float] = {}
        for count in [size for size in SIZES if size <= chosen.most]:
            found = measure(shape, count, peers)
            first = first or found
            best = min((found[name] for name in peers), default=0.0)
            line = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
            print(
                f"{shape:12} {count:6}: {line}; growth {found['gate'] / first['gate']:.1f}x; best peer {best / found['gate']:.0f}x",
                flush=True,
            )


if __name__ == "__main__":
    main()
