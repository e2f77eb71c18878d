package sheaftest

import "testing"

// The commands run the same scenario, as processes, in package e2e.
func TestScenario(t *testing.T) {
	t.Run("library", func(t *testing.T) {
		RunScenario(t, NewLibrarySurface(t, Start(t)))
	})
	t.Run("REST", func(t *testing.T) {
		RunScenario(t, NewRESTSurface(t, Start(t)))
	})
}
