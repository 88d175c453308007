"""The colours of the whole series."""

INK = "#2b2e30"
PINE, PINE_LIGHT, PINE_DARK = "#33594a", "#47705e", "#234237"
RUST, RUST_LIGHT, RUST_DARK = "#c4603a", "#d97a52", "#9c4526"
MUSTARD, MUSTARD_LIGHT, MUSTARD_DARK = "#dfa43b", "#efbf62", "#b97f22"
NAVY, NAVY_LIGHT, NAVY_DARK = "#2e4563", "#48648a", "#1f3048"
CREAM, CREAM_SHADE, CREAM_DARK = "#f6eedd", "#e4d6bb", "#c9b793"
LEATHER, LEATHER_LIGHT, LEATHER_DARK = "#98603a", "#b67c50", "#6f4226"
BRASS, BRASS_LIGHT, BRASS_DARK = "#c99b45", "#ecd08a", "#93692a"
STEEL, STEEL_LIGHT, STEEL_DARK = "#aeb8bb", "#eef2f2", "#7b878c"

SAND_WALL = ("#ead9bd", "#f4e9d5")
SAGE_WALL = ("#cdd8c6", "#e0e8da")
SKY_WALL = ("#c9d8df", "#dfe9ed")
ROSE_WALL = ("#ecd2c4", "#f6e4da")
