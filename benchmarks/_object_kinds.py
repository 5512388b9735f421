"""Scenes of things that are taken: those that chose constants, those reported, a last look."""

from __future__ import annotations

from benchmarks._object_scenes import ObjectScene

CHOSE = (
    ObjectScene("plain_box", seed=1),
    ObjectScene(
        "tiles_cylinder", thing="cylinder", ground="tiles", sleeve="arm", seed=2, yaw_deg=190
    ),
    ObjectScene("twin_patches", twin=True, ground="patches", seed=3, yaw_deg=150, pitch_deg=-35),
    ObjectScene("walk_box", ground="cloth", camera="walk", seed=4, is_textured=True, yaw_deg=185),
    ObjectScene("mime", thing="none", ground="patches", seed=5),
    ObjectScene("plate_plain", thing="plate", seed=6, yaw_deg=175, roll_deg=10, sleeve="arm"),
    ObjectScene(
        "pan_cloth", thing="cylinder", camera="pan", ground="cloth", seed=9, yaw_deg=155,
        sleeve="arm",
    ),
    ObjectScene("c_cloth_near", ground="cloth", seed=21, yaw_deg=160, sleeve="arm"),
    ObjectScene(
        "c_tiles_sphere", thing="sphere", ground="tiles", seed=22, yaw_deg=180, pitch_deg=-5
    ),
    ObjectScene("c_plate", thing="plate", ground="cloth", seed=23, pitch_deg=-35),
    ObjectScene("c_stick", thing="stick", ground="patches", seed=24, yaw_deg=170),
    ObjectScene(
        "c_shiny", thing="cylinder", ground="patches", seed=25, finish="shiny", sleeve="arm",
        yaw_deg=195,
    ),
    ObjectScene("c_clear", thing="cylinder", ground="tiles", seed=26, finish="clear", yaw_deg=150),
    ObjectScene("c_print", ground="cloth", seed=27, is_textured=True, yaw_deg=200, pitch_deg=-30),
    ObjectScene(
        "c_twin_plain", thing="cylinder", twin=True, seed=28, yaw_deg=185, pitch_deg=-10,
        skin_rgb=(120, 80, 60),
    ),
    ObjectScene("c_plain_arm", seed=29, yaw_deg=175, pitch_deg=-30, sleeve="arm"),
    ObjectScene("c_walk_tiles", ground="tiles", camera="walk", seed=30, thing="cylinder"),
    ObjectScene("c_walk_print", ground="patches", camera="walk", seed=31, is_textured=True),
    ObjectScene("c_walk_mime", thing="none", ground="cloth", camera="walk", seed=32),
    ObjectScene("c_walk_plate", thing="plate", ground="cloth", camera="walk", seed=33, yaw_deg=175),
    ObjectScene(
        "c_walk_stick", thing="stick", ground="tiles", camera="walk", seed=34, sleeve="arm",
        yaw_deg=190,
    ),
    ObjectScene(
        "c_walk_twin", ground="cloth", camera="walk", twin=True, seed=35, yaw_deg=155,
        pitch_deg=-30,
    ),
    ObjectScene(
        "c_walk_patches", ground="patches", camera="walk", thing="cylinder", seed=36, yaw_deg=165
    ),
    ObjectScene(
        "c_walk_patches_box", ground="patches", camera="walk", seed=37, yaw_deg=180,
        pitch_deg=-30, sleeve="arm",
    ),
    ObjectScene(
        "c_walk_patches_b", ground="patches", camera="walk", thing="cylinder", seed=38,
        yaw_deg=150, pitch_deg=-15,
    ),
    ObjectScene(
        "c_pile_short", seed=41, num_around=12, leave_frame=43, yaw_deg=175, sleeve="arm",
    ),
    ObjectScene(
        "c_pile_tiles", ground="tiles", seed=42, num_around=10, leave_frame=46, yaw_deg=165,
    ),
    ObjectScene(
        "c_pile_mime", thing="none", ground="cloth", seed=43, num_around=12, yaw_deg=180,
    ),
    ObjectScene(
        "c_pile_cups", thing="cylinder", seed=44, num_around=6, leave_frame=42, yaw_deg=155,
        sleeve="arm",
    ),
)  # fmt: skip
"""Scenes on which the constants were chosen."""
REPORT = {
    "plain": [
        ObjectScene("r_plain_a", seed=101, yaw_deg=170, sleeve="arm"),
        ObjectScene("r_plain_b", thing="cylinder", seed=102, yaw_deg=150, pitch_deg=-10),
    ],
    "patterned": [
        ObjectScene("r_tiles", thing="sphere", ground="tiles", seed=103, pitch_deg=-30),
        ObjectScene(
            "r_cloth", thing="box", ground="cloth", seed=104, yaw_deg=195, is_textured=True
        ),
    ],
    "twin": [
        ObjectScene("r_twin_a", twin=True, ground="plain", seed=105, yaw_deg=180),
        ObjectScene(
            "r_twin_b", twin=True, ground="cloth", thing="cylinder", seed=106, sleeve="arm"
        ),
    ],
    "thin": [
        ObjectScene("r_plate", thing="plate", ground="patches", seed=107, pitch_deg=-40),
        ObjectScene("r_stick", thing="stick", ground="plain", seed=108, yaw_deg=185),
    ],
    "moving_camera": [
        ObjectScene("r_pan", camera="pan", ground="patches", seed=109),
        ObjectScene("r_walk", camera="walk", ground="tiles", thing="cylinder", seed=110),
        ObjectScene("r_walk_cloth", camera="walk", ground="cloth", seed=113, yaw_deg=160),
        ObjectScene(
            "r_walk_print",
            camera="walk",
            ground="tiles",
            seed=114,
            is_textured=True,
            yaw_deg=185,
            sleeve="arm",
        ),
        ObjectScene(
            "r_walk_plate", camera="walk", ground="cloth", thing="plate", seed=115, pitch_deg=-35
        ),
        ObjectScene(
            "r_walk_patches",
            camera="walk",
            ground="patches",
            thing="cylinder",
            seed=116,
            yaw_deg=150,
        ),
    ],
    "among_like": [
        ObjectScene("r_pile_a", seed=117, num_around=12, leave_frame=44, yaw_deg=180),
        ObjectScene(
            "r_pile_b",
            thing="cylinder",
            ground="cloth",
            seed=118,
            num_around=8,
            leave_frame=46,
            yaw_deg=160,
            pitch_deg=-35,
            sleeve="arm",
        ),
    ],
    "empty_hand": [
        ObjectScene("r_mime_a", thing="none", ground="cloth", seed=111),
        ObjectScene("r_mime_b", thing="none", ground="tiles", camera="pan", seed=112),
    ],
}
"""Others, by kind."""

LAST = {
    "plain": [ObjectScene("l_plain", seed=201, yaw_deg=190, pitch_deg=-25, sleeve="arm")],
    "patterned": [
        ObjectScene("l_cloth", ground="cloth", seed=202, yaw_deg=160),
        ObjectScene("l_tiles", thing="cylinder", ground="tiles", seed=203, is_textured=True),
    ],
    "twin": [ObjectScene("l_twin", twin=True, ground="patches", seed=204, yaw_deg=170)],
    "thin": [ObjectScene("l_plate", thing="plate", ground="tiles", seed=205, yaw_deg=185)],
    "finish": [
        ObjectScene("l_shiny", thing="sphere", ground="cloth", seed=206, finish="shiny"),
        ObjectScene("l_clear", ground="patches", seed=207, finish="clear", sleeve="arm"),
    ],
    "moving_camera": [
        ObjectScene("l_pan", camera="pan", ground="tiles", seed=208, yaw_deg=175),
        ObjectScene("l_walk", camera="walk", ground="cloth", seed=209, yaw_deg=185),
        ObjectScene("l_walk_patches", camera="walk", ground="patches", thing="plate", seed=210),
    ],
    "empty_hand": [
        ObjectScene("l_walk_mime", thing="none", ground="tiles", camera="walk", seed=211)
    ],
}
"""Opened once, when all else was done."""
