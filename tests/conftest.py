"""No test needs a network. Set before anything imports transformers; the kernels that run notebooks inherit it."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
