"""A recipe: everything a reward depends on besides the key and the seed, as JSON and as a fingerprint of it."""

import hashlib
import json
from typing import Any


def fingerprint(recipe: dict[str, Any]) -> str:
    """16 hex digits of a recipe (a JSON object); the order of its names does not matter."""
    text = json.dumps(recipe, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
