python3 train.py -m lr=0.1,0.01 model=small,large
