config "a" { from = config.b }
config "b" { from = config.c }
config "c" { from = config.a }

sweep "nightly" { config = config.a }
