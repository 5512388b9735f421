"""What whoever trains on a dataset must know: how rows that are not valid stay without influence.

It stands in the dataset's own card, since that is what travels with it.
"""

from __future__ import annotations

RELATIVE_ROTATIONS = (
    "LeRobot's relative actions (`use_relative_actions` of pi0, pi0.5 and others) subtract "
    "numbers: of rotation vectors, ee.wx ee.wy ee.wz, that is no rotation. Keep these absolute "
    "(--policy.relative_exclude_joints='[ee.w, gripper]'), or convert the actions first with "
    "rotoscope.pipeline.converters.relative.effector_relative"
)
"""Said wherever a dataset's actions hold rotation vectors."""

WAYS = """\
`lerobot-train` does not know `label.valid`: it learns from every row, and takes the statistics that
it normalizes with from every row too. Three ways keep rows that are not valid out:

1. **Cut them out**: `rotoscope label ... --only-valid -o export.chunk_rows={chunk}` cuts episodes
   wherever a row is not valid, and leaves out what is shorter than the policy's chunk. Any trainer
   can take such a dataset; it has fewer and shorter episodes.
2. **Mark them as padding**: `rotoscope train policy --data PATH --policy act` (or `diffusion`,
   `vqbet`) is LeRobot's own training with `action_is_pad` set for them; in a loop of your own:

   ```python
   from rotoscope.models.policy.valid_rows import ValidRows

   rows = ValidRows(LeRobotDataset(..., delta_timestamps=...))  # rows.meta.stats: of valid rows
   ```

   No sample begins at such a row, and inside a chunk it counts as what lies beyond the episode's
   end. ACT, VQ-BeT and SmolVLA leave that out of the loss by themselves, Diffusion with
   `policy.do_mask_loss_for_padding=true`; pi0 and pi0.5 learn it as the chunk's last valid action.
3. **Weigh their samples with 0**, for policies that take `--sample_weighting` (SmolVLA, pi0, pi0.5,
   EVO-1, MolmoAct2; not ACT, Diffusion or VQ-BeT): `rotoscope sample-weights PATH --chunk {chunk}
   --out weights.parquet` writes the file and says how to name it. A sample counts whole or not at
   all: one row that is not valid takes the {chunk} samples whose chunks hold it. The file holds for
   that chunk alone, and until episodes are added, deleted or merged. It cannot reach
   `meta/stats.json`, nor the history that a policy looks back on.
"""


def training_section(*, chunk: int, has_rotation_vectors: bool) -> str:
    """The card's paragraph about training.

    Args:
        chunk: Rows that a policy plans at once, for the commands.
        has_rotation_vectors: Whether actions hold some.
    """
    text = WAYS.format(chunk=chunk)
    return text + (f"\n{RELATIVE_ROTATIONS}.\n" if has_rotation_vectors else "")
