{"config": {"base": {"hp": {"lr": 0.1}}}}
