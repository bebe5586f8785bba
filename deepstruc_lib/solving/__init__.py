"""From a measured PDF to ranked candidates: fit of one structure, library fit, batched matching."""
