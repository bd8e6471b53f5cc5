"""``/v1/policies``: what policies have learned, snapshots, rollbacks, personas that come and go. For admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from starlette.responses import Response

from server.transport.http import policy_models as models
from server.transport.http.asking import CallerDep, DeskDep, problems, reply, router

policies = router("policies", "/v1/policies", 409)

PolicyPath = Annotated[str, Path(description="A log, such as `linucb` or `experiment:ID:VARIANT`.", max_length=256)]
ArmPath = Annotated[str, Path(description="A persona's name.", max_length=32)]


@policies.get("", response_model=models.PolicyList)
async def list_policies(caller: CallerDep, desk: DeskDep) -> Response:
    """Every policy that has learned something, and the one that is used."""
    return reply(await desk.policies.overview(caller))


@policies.get("/{policy}", response_model=models.PolicyDetail, responses=problems(404))
async def get_policy(caller: CallerDep, desk: DeskDep, policy: PolicyPath) -> Response:
    """One policy with its snapshots, and with all that was done to it and by whom."""
    return reply(await desk.policies.show(caller, policy))


@policies.post("/{policy}/snapshots", response_model=models.PolicySnapshot)
async def make_snapshot(caller: CallerDep, desk: DeskDep, policy: PolicyPath) -> Response:
    """Store what the policy knows now; a snapshot made so is not dropped when newer ones come."""
    return reply(await desk.policies.snapshot(caller, policy))


@policies.post("/{policy}/rollback", response_model=models.PolicyDetail, responses=problems(404))
async def roll_back_policy(caller: CallerDep, desk: DeskDep, policy: PolicyPath, body: models.RollBack) -> Response:
    """Forget what was learned after a place of the log, on every worker. The personas stay. It can be taken back."""
    return reply(await desk.policies.roll_back(caller, policy, body.to))


@policies.post("/{policy}/arms", response_model=models.PolicyDetail, responses=problems(404))
async def add_arm(caller: CallerDep, desk: DeskDep, policy: PolicyPath, body: models.AddArm) -> Response:
    """Let another persona speak, on every worker, from now on."""
    return reply(await desk.policies.add_arm(caller, policy, body.persona, like=body.like, weight=body.weight))


@policies.delete("/{policy}/arms/{arm}", response_model=models.PolicyDetail, responses=problems(404))
async def remove_arm(caller: CallerDep, desk: DeskDep, policy: PolicyPath, arm: ArmPath) -> Response:
    """Let a persona speak no more and forget what was learned of it. 409 for the last that may be drawn."""
    return reply(await desk.policies.change_arm(caller, policy, "remove", arm))


@policies.post("/{policy}/arms/{arm}/pause", response_model=models.PolicyDetail, responses=problems(404))
async def pause_arm(caller: CallerDep, desk: DeskDep, policy: PolicyPath, arm: ArmPath) -> Response:
    """Let a persona speak no more for now; it still learns from rewards that come late."""
    return reply(await desk.policies.change_arm(caller, policy, "pause", arm))


@policies.post("/{policy}/arms/{arm}/resume", response_model=models.PolicyDetail, responses=problems(404))
async def resume_arm(caller: CallerDep, desk: DeskDep, policy: PolicyPath, arm: ArmPath) -> Response:
    """Let a paused persona speak again."""
    return reply(await desk.policies.change_arm(caller, policy, "resume", arm))
