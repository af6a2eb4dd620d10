package cli

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// gitTimeout bounds a look at the user's repository, which may be slow.
const gitTimeout = 5 * time.Second

// gitState is the commit of the folder's repository and whether tracked files
// differ from it; empty where there is no repository or no git.
func gitState(ctx context.Context, folder string) (commit string, dirty bool) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-C", folder}, args...)...)
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--verify", "HEAD")
	if err != nil {
		return "", false
	}
	changes, err := git("status", "--porcelain", "--untracked-files=no")
	return commit, err == nil && changes != ""
}
