"""Published checkpoints in our layout, and ours in theirs: one file a family, folder.py for what lies on a disk.

Design choices:
- our block fuses what theirs keeps apart (queries, keys and values; gate and up), so a model is taken over by renaming
  and concatenating: each family's tables are the whole translation;
- every option that our block lacks is an error, never a silent difference, and so is a weight without a place;
- the weights are copied, in their own number format, onto a model that was never initialised: a large model costs its
  size twice for a moment, and no time;
- reading files is left to ``transformers``, which knows every older naming. Nothing is downloaded, no pickle is opened.
"""
