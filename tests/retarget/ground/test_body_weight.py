"""Which foot carries: people who wait on one leg, step onto boxes and down from them."""

import numpy as np
import pytest

from benchmarks._stances import down_from_box, step_onto_box, waiting_on_one_leg
from benchmarks._walks import noisy, walk
from rotoscope.pipeline.tracks import BODY_JOINTS
from rotoscope.retarget.ground.body_weight import center_of_mass
from rotoscope.retarget.ground.contact_detection import find_contacts
from rotoscope.retarget.ground.sole_heights import feet_of
from rotoscope.retarget.ground.stage import fit_ground

UP = np.array([0.0, 0.0, 1.0])


def contacts_of(truth, sigma_m=0.0, seed=0):
    joints = truth.joints_m
    if sigma_m:
        joints = noisy(joints, np.random.default_rng(seed), sigma_m=sigma_m)
    return fit_ground(joints, truth.time_s, UP)


def wrong_share(found, truth):
    return (found.contacts.contact & ~truth.contact).any(axis=1).mean()


@pytest.mark.parametrize("height_m", [0.05, 0.1, 0.15, 0.3, 0.6])
@pytest.mark.parametrize("ahead_m", [0.0, 0.3, -0.3])
def test_foot_held_in_the_air_does_not_stand(height_m, ahead_m):
    truth = waiting_on_one_leg(height_m, ahead_m=ahead_m)
    found = contacts_of(truth)
    held = (truth.time_s > 2.1) & (truth.time_s < 3.9)
    assert not found.contacts.contact[held, 1].any()
    assert found.contacts.contact[held, 0].all()
    assert wrong_share(found, truth) < 0.12
    assert found.contacts.contact[truth.contact].all()


@pytest.mark.parametrize("rate_hz", [25.0, 60.0, 120.0])
def test_foot_that_waits_under_noise_does_not_stand_at_any_rate(rate_hz):
    truth = waiting_on_one_leg(0.12, ahead_m=0.1, rate_hz=rate_hz)
    assert wrong_share(contacts_of(truth, 0.01), truth) < 0.12


@pytest.mark.parametrize("height_m", [0.1, 0.2, 0.4])
def test_foot_on_a_box_stands_from_when_it_is_put_there(height_m):
    truth = step_onto_box(height_m)
    found = contacts_of(truth).contacts
    assert found.contact[truth.contact].all()
    both = found.contact & truth.contact
    np.testing.assert_allclose(found.support_height_m[both], truth.support_m[both], atol=1e-3)


@pytest.mark.parametrize("height_m", [0.1, 0.2, 0.4])
def test_nothing_stands_below_the_ground(height_m):
    found = contacts_of(down_from_box(height_m))
    heights = [span.support_height_m for span in found.contacts.spans]
    assert sorted({round(height, 2) for height in heights}) == [0.0, height_m]


def test_stairs_higher_than_a_person_are_climbed_to_their_end():
    truth = walk(rise_m=0.2)
    found = contacts_of(truth).contacts
    assert np.nanmax(found.support_height_m) == pytest.approx(np.nanmax(truth.support_m))
    assert np.nanmax(truth.support_m) > 1.5
    assert found.contact[truth.contact].mean() > 0.95


def test_legs_in_the_air_of_somebody_who_lies_do_not_stand():
    truth = waiting_on_one_leg(0.0)
    joints = truth.joints_m.copy()
    # On the back: what was up is along the floor, and both feet point at the ceiling.
    joints = joints[:1, :, [2, 1, 0]] * [-1.0, 1.0, 0.0] + [0.9, 0.0, 0.1]
    for side in ("left", "right"):
        for part, z in (("knee", 0.45), ("ankle", 0.8), ("heel", 0.86), ("toe", 0.86)):
            index = BODY_JOINTS.index(f"{side}_{part}")
            joints[:, index] = joints[:, BODY_JOINTS.index(f"{side}_hip")] + [0.0, 0.0, z]
    joints = np.tile(joints, (60, 1, 1))
    found = find_contacts(
        feet_of(joints), np.arange(60) / 30, ground_m=0.0, com_m=center_of_mass(joints)
    )
    assert not found.contact.any()


def test_slow_lifting_is_no_contact():
    time_s = np.arange(90) / 30
    feet = np.tile(feet_of(walk().joints_m)[:1], (90, 1, 1, 1))
    lift = np.clip(time_s - 1.0, 0.0, 1.0) * 0.2  # slower than any limit of speed
    feet[:, 1, :, 2] += lift[:, None]
    contact = find_contacts(feet, time_s).contact
    assert contact[:30].all()
    assert not contact[(lift > 0.06) & (lift < 0.14), 1].any()


def test_center_of_mass_of_a_standing_adult_is_at_its_hips():
    truth = waiting_on_one_leg(0.0)
    com = center_of_mass(truth.joints_m[:1])[0]
    pelvis = truth.joints_m[0, BODY_JOINTS.index("pelvis")]
    # 0.55 to 0.57 of the height (de Leva 1996); head and arms are not known here.
    assert com[2] == pytest.approx(pelvis[2], abs=0.12)
    unseen = np.full_like(truth.joints_m[:1], np.nan)
    assert np.isnan(center_of_mass(unseen)).all()
