"""Makes python.safetensors with Python's safetensors (0.8.0, torch 2.15 and numpy 2.4 were used). Run it in this folder."""
import json

import numpy as np
import torch
from safetensors.torch import save_file

half = torch.tensor([0.0, -0.0, 1.0, -2.5, 65504.0, 6.103515625e-05, 5.960464477539063e-08, float("inf"), -float("inf")])
tensors = {
    "b.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 8,
    "a.scalar": torch.tensor(0.1, dtype=torch.float32),
    "empty": torch.zeros(0, 4),
    "double": torch.tensor([0.1, 1e300, -1e-300], dtype=torch.float64),
    "half": half.to(torch.float16),
    "bfloat": half.to(torch.bfloat16),
    "steps": torch.tensor([2**62, -7], dtype=torch.int64),
    "seed": torch.from_numpy(np.array([2**64 - 1], dtype=np.uint64)),
    "int32": torch.tensor([-5, 2**31 - 1], dtype=torch.int32),
    "bytes": torch.tensor([0, 255], dtype=torch.uint8),
    "flags": torch.tensor([True, False]),
    "name with spaces, ümläuts and <tags>": torch.ones(1),
}
save_file(tensors, "python.safetensors", metadata={"format": "pt", "note": "line\nbreak"})
want = {k: {"shape": list(v.shape), "float32": [repr(float(x)) for x in v.to(torch.float32).flatten()]}
        for k, v in tensors.items() if v.is_floating_point()}
want |= {k: {"shape": list(v.shape), "int": [str(int(x.item())) for x in v.flatten()]}
         for k, v in tensors.items() if not v.is_floating_point()}
with open("python.json", "w") as f:
    json.dump(want, f, indent=1, ensure_ascii=False)
