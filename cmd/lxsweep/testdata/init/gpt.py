"""Options in the style of a language model's: underscores, switches both ways, types of its own."""

import argparse
from pathlib import Path


def str2bool(text):
    if text.lower() in ("yes", "true", "1"):
        return True
    if text.lower() in ("no", "false", "0"):
        return False
    raise argparse.ArgumentTypeError("a truth value is expected")


p = argparse.ArgumentParser(description="Train a small GPT", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
p.add_argument("--out_dir", type=Path, default=Path("out"), help="checkpoints and samples")
p.add_argument("--data_dir", type=Path, default=Path("data/shakespeare"), help="tokens")
p.add_argument("--eval_interval", type=int, default=2000)
p.add_argument("--init_from", choices=["scratch", "resume", "gpt2"], default="scratch", help="where weights come from")
p.add_argument("--always_save_checkpoint", type=str2bool, default=True, help="after each eval")
p.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="use the compiler")
p.add_argument("--bias", action=argparse.BooleanOptionalAction, default=False, help="in layer norm and linear layers")
p.add_argument("--batch_size", type=int, default=12, help="micro-batch size")
p.add_argument("--block_size", type=int, default=1024)
p.add_argument("--n_layer", type=int, default=12)
p.add_argument("--n_head", type=int, default=12)
p.add_argument("--n_embd", type=int, default=768)
p.add_argument("--dropout", type=float, default=0.0, help="0 for pre-training, 0.1+ for fine-tuning, 100%% is too much")
p.add_argument("--learning_rate", type=float, default=6e-4, help="max learning rate")
p.add_argument("--max_iters", type=int, default=600000)
p.add_argument("--weight_decay", type=float, default=1e-1)
p.add_argument("--beta1", type=float, default=0.9)
p.add_argument("--beta2", type=float, default=0.95)
p.add_argument("--grad_clip", type=float, default=1.0, help="0.0 disables")
p.add_argument("--min_lr", type=float, default=6e-5)
p.add_argument("--max_loss", type=float, default=float("inf"))
p.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="bfloat16")
p.add_argument("--prompt", default="It's ${HOME}\n\"100%\" \\ %{x} größer", help="a sample's beginning")
p.add_argument("--hub_token", help="to push the model")
p.add_argument("--shuffle", type=bool, default=True)
p.add_argument("--warmup", default=100, help="steps, or a fraction")
p.add_argument("--max_grad", type=int, default=1e6)
p.add_argument("--seed", type=int, default=1337)
args = p.parse_args()

del args.out_dir
args.data_dir = args.data_dir.resolve()
for name, value in sorted(vars(args).items()):
    print(f"{name}: {value!r}")
val_loss = 1.5
print("step 1: train_loss %.4f, val_loss=%.4f" % (1.25, val_loss))
