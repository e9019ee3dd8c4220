"""The kernels of a compiled update, by kind."""

import pytest

from agents.lab.speed.evaluation import evaluation_times
from agents.lab.speed.profiling import KINDS, kind_of, profile_update, read_program

PROGRAM = """
%body (tuple: (f32[4,20,128], s32[])) -> f32[4,128] {
  %tuple = (f32[4,20,128]{2,1,0}, s32[]) parameter(0)
  %memory = f32[4,20,128]{2,1,0} get-tuple-element(%tuple), index=0
  %fusion.1 = f32[4,128]{1,0} fusion(%copy.3), kind=kLoop, calls=%inner
  %fusion.2 = f32[4,1,3]{2,1,0} fusion(%memory), kind=kLoop, calls=%inner
  %copy.3 = f32[4,20,128]{2,1,0} copy(%memory)
  %MatMul.4 = f32[4,20]{1,0} dot(%fusion.1, %fusion.2), lhs_contracting_dims={1}
  %bitcast_dynamic-update-slice_fusion = f32[41,4]{1,0} fusion(%fusion.2, %copy.3), kind=kLoop
  ROOT %while.5 = (f32[4,20,128]{2,1,0}, s32[]) while(%tuple), condition=%inner, body=%inner
}
"""


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MatMul.4", "matrix products"),
        ("fusion.1", "over the memory"),  # it reads one
        ("fusion.2", "small"),  # a part of the loop's tuple, of unknown size
        ("copy.3", "keeping states and copies"),
        ("bitcast_dynamic-update-slice_fusion", "keeping states and copies"),
        ("while.5", None),  # its kernels are counted
        ("ThunkExecutor::Execute", None),
    ],
)
def test_kinds(name, kind):
    assert kind_of(name, read_program(PROGRAM), 4 * 20 * 128) == kind


@pytest.mark.slow
def test_an_update_is_products_and_small_kernels():
    profile = profile_update(1, length=2, slots=8, seconds=0.1)
    assert 0 < profile.milliseconds < 1000
    kernels = {each.kind: each for each in profile.kernels}
    assert tuple(kernels) == KINDS
    steps = 5
    assert kernels["small"].calls > 50 * steps
    assert all(each.calls > 0 and each.milliseconds > 0 for each in kernels.values())
    assert all(each.milliseconds < 1000 for each in kernels.values())


@pytest.mark.slow
def test_what_an_evaluation_takes():
    time, memory = evaluation_times(0.01, length=30, slots=32, episodes=1)
    assert 0 < time.baseline_value < time.value < 120
    assert time.ratio == time.value / time.baseline_value
    # A process with TensorFlow takes a few hundred MiB.
    assert (memory.unit, 0.1 < memory.value < 4) == ("GiB", True)
